#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "polysem/error.hpp"
#include "polysem/gguf.hpp"

namespace polysem {

static_assert(std::endian::native == std::endian::little,
              "the readers copy little-endian values as they are");

/// Reads forward through untrusted bytes and never past their end.
class GgufCursor {
 public:
  GgufCursor(std::span<const std::byte> bytes, std::string_view label, std::uint64_t position = 0)
      : bytes_(bytes), label_(label), position_(position) {}

  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t left() const noexcept { return bytes_.size() - position_; }

  template <class T>
  T read(std::string_view what) {
    static_assert(std::is_trivially_copyable_v<T>);
    need(sizeof(T), what);
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  /// A string: u64 length, then bytes of any kind.
  std::string_view string(std::string_view what) {
    const auto length = read<std::uint64_t>(what);
    need(length, what);
    const auto* first = reinterpret_cast<const char*>(bytes_.data() + position_);
    position_ += length;
    return {first, static_cast<std::size_t>(length)};
  }

  void skip(std::uint64_t count, std::string_view what) {
    need(count, what);
    position_ += count;
  }

  [[noreturn]] void fail(std::uint64_t offset, const std::string& message) const {
    throw Error(ErrorCode::kBadInput,
                std::string(label_) + ": offset " + std::to_string(offset) + ": " + message);
  }

 private:
  void need(std::uint64_t count, std::string_view what) const {
    if (count > left())
      fail(position_, std::string(what) + " needs " + std::to_string(count) + " bytes, the file has " +
                          std::to_string(left()) + " left; it is damaged or cut short");
  }

  std::span<const std::byte> bytes_;
  std::string_view label_;
  std::uint64_t position_;
};

}  // namespace polysem
