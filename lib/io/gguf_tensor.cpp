#include <algorithm>

#include "lib/io/ggml_types.hpp"
#include "polysem/error.hpp"
#include "polysem/gguf.hpp"

namespace polysem {

std::int64_t GgufTensor::rows() const {
  std::uint64_t product = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) product *= shape[i];
  return static_cast<std::int64_t>(product);
}

const GgufTensor* GgufFile::find(std::string_view tensor_name) const {
  const auto found = index_.find(tensor_name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const GgufTensor& GgufFile::tensor(std::string_view tensor_name, std::span<const std::int64_t> shape) const {
  const GgufTensor* found = find(tensor_name);
  if (found == nullptr)
    throw Error(ErrorCode::kBadInput, label_ + ": tensor " + std::string(tensor_name) + " is missing");
  bool fits = true;
  const auto list = [](const auto& extents) {
    std::string text;
    for (const auto extent : extents) text += (text.empty() ? "" : " x ") + std::to_string(extent);
    return text;
  };
  for (std::size_t i = 0; i < std::max(shape.size(), found->shape.size()); ++i) {
    const std::uint64_t expected = i < shape.size() ? static_cast<std::uint64_t>(shape[i]) : 1;
    fits = fits && expected == (i < found->shape.size() ? found->shape[i] : 1);
  }
  if (!fits)
    throw Error(ErrorCode::kBadInput, label_ + ": tensor " + std::string(tensor_name) + ": expected shape " +
                                          list(shape) + ", found " + list(found->shape));
  return *found;
}

void GgufFile::dequantize(const GgufTensor& t, std::int64_t first, std::int64_t count,
                          std::span<float> out) const {
  const GgmlType* type = find_ggml_type(t.type);
  if (type == nullptr || type->expand == nullptr)
    throw Error(ErrorCode::kBadInput, label_ + ": tensor " + t.name + " is stored as " +
                                          ggml_type_name(t.type) +
                                          ", expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K");
  if (first < 0 || count < 0 || first > t.rows() - count ||
      out.size() != static_cast<std::size_t>(count * t.cols()))
    throw Error(ErrorCode::kInvalidArgument, "dequantize: rows " + std::to_string(first) + " + " +
                                                 std::to_string(count) + " of tensor " + t.name +
                                                 ", which has " + std::to_string(t.rows()) + ", into " +
                                                 std::to_string(out.size()) + " values");
  const std::size_t row_blocks = static_cast<std::size_t>(t.cols()) / type->values;
  type->expand(t.data.data() + static_cast<std::size_t>(first) * row_blocks * type->bytes,
               static_cast<std::size_t>(count) * row_blocks, out.data());
}

}  // namespace polysem
