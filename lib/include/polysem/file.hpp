#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace polysem {

/// A file mapped read-only into memory. An empty file gives an empty span. Moving keeps spans valid. The file
/// must not be shortened by others while it is mapped.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws Error{kBadInput} with the path and the system's reason.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The whole file as bytes. Pipes may be read, too. Throws Error{kBadInput} if it cannot be read or holds
/// more than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 40);

/// A file that appears under its name only when it is complete: bytes go to a temporary file beside it, and
/// commit() flushes that to the disk and renames it. Without commit() the temporary is removed and whatever
/// stood under the name stays. A target that is a device or a pipe (/dev/stdout) is written directly; a
/// symbolic link is followed. What a killed process left of the same file is removed. Failures (a full disk)
/// throw Error{kFailed} with the path and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  /// Appends after the last byte that write() wrote.
  void write(std::span<const std::byte> bytes);
  /// Writes at an offset from the start; does not move the place where write() continues.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Bytes that write() wrote.
  std::uint64_t size() const noexcept { return size_; }
  void commit();

 private:
  void discard() noexcept;

  std::filesystem::path path_;       ///< what the caller asked for, for messages
  std::filesystem::path target_;     ///< what is renamed to
  std::filesystem::path temporary_;  ///< empty when written directly
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
};

/// Replaces the file by `bytes`, or leaves it as it was and throws: see AtomicFile.
void write_file_atomic(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomic(const std::filesystem::path& path, std::string_view text);

/// Throws the Error that writing this file would meet as things stand: no such folder, no permission. For a
/// result that is to be written after long work.
void require_writable(const std::filesystem::path& path);

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  /// 64 lower-case hexadecimal digits; ends the computation.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::span<const std::byte> bytes);
/// Reads the file in pieces. Throws Error{kBadInput} if it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace polysem
