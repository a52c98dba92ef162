#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polysem/dtype.hpp"
#include "polysem/file.hpp"

namespace polysem {

/// A tensor inside a mapped file: row-major, little endian, not necessarily aligned. Valid as long as the
/// file object lives.
struct FileTensor {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::int64_t elements() const noexcept;
};

/// A tensor to be written: its name, element type and shape.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
};

/// Reads a safetensors file (https://github.com/huggingface/safetensors, format section). Everything is
/// checked when it is opened: the header's size, offsets that follow each other without gap or overlap to the
/// end of the file, sizes that are the shape's product. Tensors of types that polysem does not know are
/// carried along until somebody asks for them. All errors are Error{kBadInput} with file and tensor.
class Safetensors {
 public:
  explicit Safetensors(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return file_.path(); }
  /// Sorted.
  std::vector<std::string> names() const;
  bool contains(std::string_view name) const;
  /// Throws where the tensor is missing or of a type that polysem does not know.
  FileTensor tensor(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

  /// The elements of a float tensor (f32, f16, bf16, f64) as float.
  std::vector<float> read_f32(std::string_view name) const;
  /// As read_f32(); refuses any other shape.
  std::vector<float> read_f32(std::string_view name, std::span<const std::int64_t> shape) const;
  /// The elements of a tensor of integers; refuses values that do not fit.
  std::vector<std::int32_t> read_i32(std::string_view name) const;
  std::vector<std::int64_t> read_i64(std::string_view name) const;

 private:
  struct Entry {
    std::string dtype;  ///< as the file spells it, for instance "BF16"
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;  ///< offsets in the file
  };
  void read_header();
  void check_layout(std::uint64_t data_start) const;

  MappedFile file_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Writes a safetensors file. The tensors are declared first; their bytes may then come in any order and in
/// pieces. On disk the widest types come first, then names in order, so every tensor is aligned and the same
/// input gives the same file. Nothing appears under the name before commit().
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                    const std::map<std::string, std::string>& metadata = {});

  /// Appends to the tensor. Throws Error{kInvalidArgument} for a name that was not declared or too many
  /// bytes.
  void write(std::string_view name, std::span<const std::byte> bytes);
  template <class T>
  void write(std::string_view name, std::span<const T> values) {
    write(name, std::as_bytes(values));
  }
  /// Throws Error{kInvalidArgument} if a tensor is not complete.
  void commit();

 private:
  struct Place {
    std::uint64_t next = 0, end = 0;  ///< offsets in the file
  };
  AtomicFile file_;
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace polysem
