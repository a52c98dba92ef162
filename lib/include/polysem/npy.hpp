#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polysem/dtype.hpp"
#include "polysem/file.hpp"

namespace polysem {

/// An array of NumPy's format (numpy.lib.format, versions 1 to 3): little-endian floats, integers or bool, in
/// C or Fortran order, of any number of dimensions. Arrays of Python objects, records, strings and big-endian
/// numbers are refused. Copies share the bytes. All errors about the file are Error{kBadInput}.
class NpyArray {
 public:
  /// Maps a .npy file.
  static NpyArray open(const std::filesystem::path& path);
  /// Reads an array out of bytes that `owner` keeps alive; `label` names them in messages.
  NpyArray(std::span<const std::byte> file, std::shared_ptr<const void> owner, std::string label);

  DType dtype() const noexcept { return dtype_; }
  const std::vector<std::int64_t>& shape() const noexcept { return shape_; }
  std::int64_t elements() const noexcept;

  /// Of a matrix; throws where the array is none.
  std::int64_t rows() const { return matrix_size(0); }
  std::int64_t cols() const { return matrix_size(1); }
  /// Rows [first, first + count) of a matrix as float; out holds count * cols() values. Throws
  /// Error{kInvalidArgument} for rows that are not there.
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const;

  /// All elements in C order. Integers become floats, too.
  std::vector<float> to_f32() const;
  /// All elements of an array of integers, in C order.
  std::vector<std::int64_t> to_i64() const;

 private:
  std::int64_t matrix_size(std::size_t dimension) const;
  template <class T, class Convert>
  std::vector<T> all(Convert convert) const;

  std::shared_ptr<const void> owner_;
  std::string label_;
  std::span<const std::byte> bytes_;  ///< of the elements
  std::vector<std::int64_t> shape_;
  DType dtype_ = DType::kF32;
  bool fortran_order_ = false;
};

/// The named arrays of a .npz file: stored (numpy.savez) members are mapped, deflated ones
/// (numpy.savez_compressed) are expanded when they are asked for. Checksums are compared.
class NpzFile {
 public:
  explicit NpzFile(const std::filesystem::path& path);
  ~NpzFile();
  NpzFile(NpzFile&&) noexcept;

  /// Sorted, without ".npy".
  std::vector<std::string> names() const;
  bool contains(std::string_view name) const;
  NpyArray array(std::string_view name) const;

 private:
  struct Archive;
  std::shared_ptr<const Archive> archive_;
};

/// Writes a .npy file in C order, in pieces; nothing appears under the name before commit().
class NpyWriter {
 public:
  /// Throws Error{kInvalidArgument} for bf16, which NumPy does not have.
  NpyWriter(const std::filesystem::path& path, DType dtype, std::span<const std::int64_t> shape);
  void write(std::span<const std::byte> bytes);
  void write(std::span<const float> values) { write(std::as_bytes(values)); }
  /// Throws Error{kInvalidArgument} if elements are missing.
  void commit();

 private:
  AtomicFile file_;
  std::uint64_t end_ = 0;
};

void write_npy(const std::filesystem::path& path, std::span<const std::int64_t> shape,
               std::span<const float> values);

}  // namespace polysem
