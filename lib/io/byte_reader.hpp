#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "polysem/error.hpp"

namespace polysem::io {

static_assert(std::endian::native == std::endian::little,
              "every format here is little endian and is copied as it is");

/// The message for damaged or hostile input: the file, the place in it, what is wrong.
[[noreturn]] inline void bad_input(std::string_view file, std::string_view place, std::string_view problem) {
  std::string message(file);
  message.append(": ").append(place).append(place.empty() ? "" : ": ").append(problem);
  throw Error(ErrorCode::kBadInput, message);
}

/// a * b into `product`; false if it does not fit into 63 bits, so that it may be cast to a signed size, too.
inline bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) noexcept {
  return !__builtin_mul_overflow(a, b, &product) && product <= std::numeric_limits<std::int64_t>::max();
}

/// Reads forward through untrusted bytes and never past their end.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view file, std::uint64_t offset = 0)
      : bytes_(bytes), file_(file), offset_(offset) {}

  std::uint64_t offset() const noexcept { return offset_; }
  std::uint64_t left() const noexcept { return bytes_.size() - offset_; }

  template <class T>
  T read(std::string_view what) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > left())
      fail(std::string(what) + " needs " + std::to_string(count) + " bytes, but only " +
           std::to_string(left()) + " are left; the file is damaged or cut short");
    const auto part = bytes_.subspan(offset_, count);
    offset_ += count;
    return part;
  }

  std::string_view text(std::uint64_t count, std::string_view what) {
    const auto part = take(count, what);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

  [[noreturn]] void fail(std::string_view problem) const {
    bad_input(file_, "offset " + std::to_string(offset_), problem);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view file_;
  std::uint64_t offset_;
};

}  // namespace polysem::io
