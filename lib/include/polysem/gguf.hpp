#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polysem {

/// Value types of GGUF metadata, by their numbers in the file.
enum class GgufValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64  // NOLINT
};
std::string_view name(GgufValueType type) noexcept;

/// One metadata value: where it lies in the file, checked to lie inside it.
struct GgufValue {
  GgufValueType type = GgufValueType::kU8;
  GgufValueType element = GgufValueType::kU8;  ///< of an array, else as `type`
  std::uint64_t count = 1;                     ///< of an array, else 1
  std::uint64_t offset = 0;                    ///< of the payload in the file
};

/// One tensor of the file. `type` is GGML's number: 0 F32, 1 F16, 2 Q4_0, 3 Q4_1, 8 Q8_0, 12 Q4_K, 14 Q6_K,
/// 30 BF16.
struct GgufTensor {
  std::string name;
  std::vector<std::uint64_t>
      shape;  ///< as in the file: shape[0] is the length of a row, contiguous in memory
  std::uint32_t type = 0;
  std::uint64_t offset = 0;         ///< in the file
  std::span<const std::byte> data;  ///< empty where the size of the type is not known

  std::int64_t cols() const { return static_cast<std::int64_t>(shape[0]); }
  std::int64_t rows() const;  ///< product of the other extents
};

/// Reader of GGUF versions 2 and 3, little-endian (the format's description: docs/gguf.md of ggml).
/// Everything is checked when the file is opened: counts, lengths, nesting, duplicate names, alignment, that
/// tensors lie inside the file and do not overlap. Throws Error{kBadInput} that names file, offset or key,
/// expected and found.
class GgufFile {
 public:
  /// Maps the file.
  static GgufFile open(const std::filesystem::path& path);
  /// Reads from memory that outlives this object; `label` stands for the file in messages.
  static GgufFile parse(std::span<const std::byte> bytes, std::string label);

  const std::string& label() const noexcept { return label_; }
  std::uint32_t version() const noexcept { return version_; }
  std::uint64_t bytes() const noexcept { return bytes_.size(); }

  const std::map<std::string, GgufValue, std::less<>>& metadata() const noexcept { return metadata_; }
  bool has(std::string_view key) const { return metadata_.contains(key); }

  /// Typed values. A missing key or another type is Error{kBadInput}; the overloads with `otherwise` return
  /// that where the key is missing. Integers of any width convert if the value fits, and count as real
  /// numbers too.
  std::uint64_t unsigned_integer(std::string_view key) const;
  std::uint64_t unsigned_integer(std::string_view key, std::uint64_t otherwise) const;
  double number(std::string_view key) const;
  double number(std::string_view key, double otherwise) const;
  bool boolean(std::string_view key, bool otherwise) const;
  std::string_view text(std::string_view key) const;
  std::string_view text(std::string_view key, std::string_view otherwise) const;
  std::vector<std::string_view> texts(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  /// For people: the value, long strings and arrays cut short.
  std::string describe(std::string_view key) const;

  /// In the order of the file.
  const std::vector<GgufTensor>& tensors() const noexcept { return tensors_; }
  const GgufTensor* find(std::string_view name) const;
  /// A tensor that must be there with this shape (shape[0] = row length; trailing ones do not count).
  const GgufTensor& tensor(std::string_view name, std::span<const std::int64_t> shape) const;
  /// Rows [first, first + count) as f32, `out` holds count * cols() values. An unknown type is
  /// Error{kBadInput}.
  void dequantize(const GgufTensor& tensor, std::int64_t first, std::int64_t count,
                  std::span<float> out) const;

 private:
  void read_all();
  void read_tensors(class GgufCursor& cursor, std::uint64_t count);
  void place_tensors(std::uint64_t data_start, std::uint64_t alignment);
  void check_overlap() const;
  const GgufValue& value(std::string_view key) const;
  const GgufValue& array(std::string_view key) const;
  [[noreturn]] void wrong_type(std::string_view key, const GgufValue& value, std::string_view expected) const;

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
  std::string label_;
  std::uint32_t version_ = 0;
  std::map<std::string, GgufValue, std::less<>> metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

/// Name of a GGML tensor type, for instance "Q4_1", or "type 77".
std::string ggml_type_name(std::uint32_t type);

}  // namespace polysem
