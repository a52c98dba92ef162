#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace polysem::io {

/// CRC-32C (Castagnoli), as RFC 3720 uses it.
std::uint32_t crc32c(std::span<const std::byte> bytes) noexcept;

struct Scalar {
  std::string tag;
  double value = 0;  ///< TensorBoard keeps a float
};

/// A file of scalars that TensorBoard opens: TFRecords (length, its masked CRC-32C, bytes, theirs) of Event
/// messages (tensorflow/core/util/event.proto), which are few enough to be written by hand.
class EventFile {
 public:
  /// Makes a new file in `folder`, whose name sorts behind those that are there. It begins with the start of
  /// a session at `first_step`: TensorBoard then forgets steps from there on that older files hold. Throws
  /// Error{kFailed}.
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  ~EventFile();

  void write(std::int64_t step, std::span<const Scalar> scalars);
  /// What was written is on the disk when it returns.
  void flush();
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void record(std::string_view event);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace polysem::io
