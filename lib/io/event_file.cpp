#include "lib/io/event_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "lib/io/system_call.hpp"

namespace polysem::io {
namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";

constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[byte] = crc;
  }
  return table;
}();

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// TFRecord's: so that the checksum of bytes that hold checksums is a good one, too.
std::string masked_crc(std::string_view bytes) {
  return little_endian(std::rotr(crc32c(std::as_bytes(std::span(bytes))), 15) + 0xa282ead8u);
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

// Fields of protocol buffers: number and wire type, then the value.
std::string integer_field(int number, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) + varint(value);
}
std::string double_field(int number, double value) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 1) + little_endian(value);
}
std::string bytes_field(int number, std::string_view value) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(value.size()) + std::string(value);
}
std::string float_field(int number, float value) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 5) + little_endian(value);
}

/// Event: 1 wall_time, 2 step, and one of 3 file_version, 5 summary, 7 session_log.
std::string event(std::int64_t step, const std::string& what) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return double_field(1, std::chrono::duration<double>(now).count()) +
         integer_field(2, static_cast<std::uint64_t>(step)) + what;
}

/// The time now or, where a file there has that or a later one, a second more: files are read in order of
/// their names.
std::int64_t time_for_name(const std::filesystem::path& folder) {
  auto time =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    std::int64_t other = 0;
    if (!name.starts_with(kPrefix)) continue;
    const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), other);
    if (error == std::errc() && other < 9'999'999'999) time = std::max(time, other + 1);
  }
  return time;
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes) noexcept {
  std::uint32_t crc = 0xffffffffu;
  for (const std::byte byte : bytes)
    crc = crc >> 8 ^ kCrcTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xff];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t first_step)
    : path_(folder / (std::string(kPrefix) + std::to_string(time_for_name(folder)) + "." + host_name())) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail();
  record(event(0, bytes_field(3, "brain.Event:2")));
  constexpr std::uint64_t kStart = 1;  // SessionLog: 1 status
  record(event(first_step, bytes_field(7, integer_field(1, kStart))));
}

EventFile::~EventFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventFile::write(std::int64_t step, std::span<const Scalar> scalars) {
  std::string summary;  // Summary: 1 value, of 1 tag, 2 simple_value
  for (const Scalar& scalar : scalars)
    summary += bytes_field(1, bytes_field(1, scalar.tag) + float_field(2, static_cast<float>(scalar.value)));
  record(event(step, bytes_field(5, summary)));
}

void EventFile::record(std::string_view event_bytes) {
  const std::string length = little_endian(static_cast<std::uint64_t>(event_bytes.size()));
  std::string bytes = length + masked_crc(length);
  bytes.append(event_bytes).append(masked_crc(event_bytes));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno != EINTR) fail();
    if (written > 0) done += static_cast<std::size_t>(written);
  }
}

void EventFile::flush() {
  if (::fsync(descriptor_) != 0) fail();
}

void EventFile::fail() const { throw_system_error(ErrorCode::kFailed, "write", path_); }

}  // namespace polysem::io
