#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace polysem::test {

/// Writes GGUF files for tests, from the description of the format and not from the reader.
class GgufWriter {
 public:
  template <class T>
  static void put(std::vector<std::byte>& out, const T& value) {
    for (const std::byte b : std::bit_cast<std::array<std::byte, sizeof(T)>>(value)) out.push_back(b);
  }
  static void put_string(std::vector<std::byte>& out, std::string_view text) {
    put(out, static_cast<std::uint64_t>(text.size()));
    for (const char c : text) out.push_back(static_cast<std::byte>(c));
  }

  template <class T>
  GgufWriter& scalar(std::string_view key, T value) {
    head(key, type_number<T>());
    put(metadata_, value);
    return *this;
  }
  GgufWriter& text(std::string_view key, std::string_view value) {
    head(key, 8);
    put_string(metadata_, value);
    return *this;
  }
  GgufWriter& texts(std::string_view key, const std::vector<std::string>& values) {
    array_head(key, 8, values.size());
    for (const auto& value : values) put_string(metadata_, value);
    return *this;
  }
  GgufWriter& integers(std::string_view key, const std::vector<std::int32_t>& values) {
    array_head(key, 5, values.size());
    for (const std::int32_t value : values) put(metadata_, value);
    return *this;
  }
  /// Raw bytes of a value, type number and payload included, for damaged files.
  GgufWriter& raw(std::string_view key, const std::vector<std::byte>& bytes) {
    put_string(metadata_, key);
    metadata_.insert(metadata_.end(), bytes.begin(), bytes.end());
    ++keys_;
    return *this;
  }
  GgufWriter& tensor(std::string_view name, const std::vector<std::uint64_t>& shape, std::uint32_t type,
                     const std::vector<std::byte>& data) {
    data_.resize((data_.size() + kAlignment - 1) / kAlignment * kAlignment);
    return tensor_at(name, shape, type, data_.size(), data);
  }
  /// Says that the tensor lies at `offset` of the data section, wherever its bytes go.
  GgufWriter& tensor_at(std::string_view name, const std::vector<std::uint64_t>& shape, std::uint32_t type,
                        std::uint64_t offset, const std::vector<std::byte>& data) {
    put_string(infos_, name);
    put(infos_, static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t extent : shape) put(infos_, extent);
    put(infos_, type);
    put(infos_, offset);
    data_.insert(data_.end(), data.begin(), data.end());
    ++tensors_;
    return *this;
  }

  std::vector<std::byte> finish(std::uint32_t version = 3) const {
    std::vector<std::byte> file;
    for (const char c : {'G', 'G', 'U', 'F'}) file.push_back(static_cast<std::byte>(c));
    put(file, version);
    put(file, tensors_);
    put(file, keys_);
    file.insert(file.end(), metadata_.begin(), metadata_.end());
    file.insert(file.end(), infos_.begin(), infos_.end());
    if (tensors_ > 0) file.resize((file.size() + kAlignment - 1) / kAlignment * kAlignment);
    file.insert(file.end(), data_.begin(), data_.end());
    return file;
  }

 private:
  static constexpr std::size_t kAlignment = 32;

  template <class T>
  static constexpr std::uint32_t type_number() {
    if constexpr (std::is_same_v<T, std::uint8_t>) return 0;
    if constexpr (std::is_same_v<T, std::int8_t>) return 1;
    if constexpr (std::is_same_v<T, std::uint16_t>) return 2;
    if constexpr (std::is_same_v<T, std::int16_t>) return 3;
    if constexpr (std::is_same_v<T, std::uint32_t>) return 4;
    if constexpr (std::is_same_v<T, std::int32_t>) return 5;
    if constexpr (std::is_same_v<T, float>) return 6;
    if constexpr (std::is_same_v<T, bool>) return 7;
    if constexpr (std::is_same_v<T, std::uint64_t>) return 10;
    if constexpr (std::is_same_v<T, std::int64_t>) return 11;
    return 12;
  }
  void head(std::string_view key, std::uint32_t type) {
    put_string(metadata_, key);
    put(metadata_, type);
    ++keys_;
  }
  void array_head(std::string_view key, std::uint32_t element, std::uint64_t count) {
    head(key, 9);
    put(metadata_, element);
    put(metadata_, count);
  }

  std::vector<std::byte> metadata_, infos_, data_;
  std::uint64_t keys_ = 0, tensors_ = 0;
};

}  // namespace polysem::test
