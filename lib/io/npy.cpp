#include "polysem/npy.hpp"

#include <algorithm>
#include <cstring>

#include "lib/io/convert.hpp"
#include "lib/io/npy_header.hpp"
#include "lib/io/safetensors_types.hpp"

namespace polysem {
namespace {

/// Moves elements of `size` bytes from Fortran to C order.
std::vector<std::byte> to_c_order(std::span<const std::byte> bytes, std::span<const std::int64_t> shape,
                                  std::size_t size) {
  std::vector<std::byte> out(bytes.size());
  std::vector<std::int64_t> index(shape.size(), 0);
  std::vector<std::size_t> stride(shape.size());  // in C order, where the first index is the slowest
  std::size_t step = size;
  for (std::size_t d = shape.size(); d-- > 0; step *= static_cast<std::size_t>(shape[d])) stride[d] = step;
  std::size_t target = 0;
  for (std::size_t source = 0; source < bytes.size(); source += size) {
    std::memcpy(out.data() + target, bytes.data() + source, size);
    for (std::size_t d = 0; d < shape.size(); ++d) {  // count up with the first index the fastest
      target += stride[d];
      if (++index[d] < shape[d]) break;
      target -= stride[d] * static_cast<std::size_t>(shape[d]);
      index[d] = 0;
    }
  }
  return out;
}

}  // namespace

NpyArray NpyArray::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  const auto bytes = file->bytes();
  return {bytes, std::move(file), path.string()};
}

NpyArray::NpyArray(std::span<const std::byte> file, std::shared_ptr<const void> owner, std::string label)
    : owner_(std::move(owner)), label_(std::move(label)) {
  io::ByteReader reader(file, label_);
  io::NpyHeader header = io::read_npy_header(reader);
  bytes_ = reader.take(header.data_bytes, "the array " + io::format_shape(header.shape));
  if (reader.left() > 0) reader.fail(std::to_string(reader.left()) + " bytes follow the array");
  shape_ = std::move(header.shape);
  dtype_ = header.dtype;
  fortran_order_ = header.fortran_order && shape_.size() > 1;
}

std::int64_t NpyArray::elements() const noexcept {
  return static_cast<std::int64_t>(bytes_.size() / size_of(dtype_));
}

std::int64_t NpyArray::matrix_size(std::size_t dimension) const {
  if (shape_.size() != 2)
    io::bad_input(label_, {},
                  "expected a matrix [rows, columns], found the shape " + io::format_shape(shape_));
  return shape_[dimension];
}

void NpyArray::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  const std::int64_t height = rows();
  const auto width = static_cast<std::size_t>(cols()), size = size_of(dtype_);
  if (first < 0 || count < 0 || first > height - count ||
      out.size() != static_cast<std::size_t>(count) * width)
    throw Error(ErrorCode::kInvalidArgument,
                label_ + ": rows " + std::to_string(first) + " to " + std::to_string(first + count) + " of " +
                    std::to_string(height) + " were asked for, or the output has another size");
  const auto start = static_cast<std::size_t>(first), number = static_cast<std::size_t>(count);
  if (!fortran_order_) {
    io::to_f32(dtype_, bytes_.subspan(start * width * size, number * width * size), out);
    return;
  }
  std::vector<float> column(number);
  for (std::size_t c = 0; c < width; ++c) {
    const auto offset = (c * static_cast<std::size_t>(height) + start) * size;
    io::to_f32(dtype_, bytes_.subspan(offset, number * size), column);
    for (std::size_t r = 0; r < number; ++r) out[r * width + c] = column[r];
  }
}

template <class T, class Convert>
std::vector<T> NpyArray::all(Convert convert) const {
  std::vector<T> values(static_cast<std::size_t>(elements()));
  if (fortran_order_)
    convert(dtype_, to_c_order(bytes_, shape_, size_of(dtype_)), values);
  else
    convert(dtype_, bytes_, values);
  return values;
}

std::vector<float> NpyArray::to_f32() const { return all<float>(io::to_f32); }

std::vector<std::int64_t> NpyArray::to_i64() const {
  if (io::is_float(dtype_))
    io::bad_input(label_, {}, "expected integers, found " + std::string(name(dtype_)));
  return all<std::int64_t>(io::to_i64);
}

NpyWriter::NpyWriter(const std::filesystem::path& path, DType dtype, std::span<const std::int64_t> shape)
    : file_(path) {
  const std::string header = io::format_npy_header(dtype, shape);
  std::uint64_t bytes = size_of(dtype);
  for (const auto size : shape)
    if (size < 0 || !io::multiply(bytes, static_cast<std::uint64_t>(size), bytes))
      throw Error(ErrorCode::kInvalidArgument,
                  path.string() + ": impossible shape " + io::format_shape(shape));
  file_.write(std::as_bytes(std::span(header)));
  end_ = file_.size() + bytes;
}

void NpyWriter::write(std::span<const std::byte> bytes) {
  if (bytes.size() > end_ - file_.size())
    throw Error(ErrorCode::kInvalidArgument, "NpyWriter: more bytes than the shape holds");
  file_.write(bytes);
}

void NpyWriter::commit() {
  if (file_.size() != end_)
    throw Error(ErrorCode::kInvalidArgument,
                "NpyWriter: " + std::to_string(end_ - file_.size()) + " bytes of the array are missing");
  file_.commit();
}

void write_npy(const std::filesystem::path& path, std::span<const std::int64_t> shape,
               std::span<const float> values) {
  NpyWriter writer(path, DType::kF32, shape);
  writer.write(values);
  writer.commit();
}

}  // namespace polysem
