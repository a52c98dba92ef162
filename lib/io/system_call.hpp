#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "polysem/error.hpp"

namespace polysem::io {

/// "cannot WHAT PATH: reason of the system", from errno.
[[noreturn]] void throw_system_error(ErrorCode code, std::string_view what,
                                     const std::filesystem::path& path);

/// False only where nothing stands under the name. Where that cannot be told (no permission), true: opening
/// it then says why not. Never throws, unlike the standard library's.
bool exists(const std::filesystem::path& path) noexcept;

/// Throws Error{kFailed} where make_folder() would meet a file or a lack of permission; makes nothing.
void require_folder(const std::filesystem::path& path);

/// Makes the folder and those above it. Throws Error{kFailed}.
void make_folder(const std::filesystem::path& path);

/// A file descriptor that closes itself.
class Descriptor {
 public:
  /// Opens for reading; directories are refused. Throws Error{kBadInput}.
  static Descriptor open_for_reading(const std::filesystem::path& path);
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int number() const noexcept { return number_; }

 private:
  int number_;
};

/// Fills `buffer` as far as the file goes; returns the bytes read, fewer only at its end. Throws
/// Error{kBadInput}.
std::size_t read_up_to(const Descriptor& file, std::span<std::byte> buffer,
                       const std::filesystem::path& path);

}  // namespace polysem::io
