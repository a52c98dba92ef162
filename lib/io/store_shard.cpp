#include "lib/io/store_shard.hpp"

#include "lib/io/byte_reader.hpp"
#include "lib/io/safetensors_types.hpp"

namespace polysem::io {
namespace {

FileTensor checked(const Safetensors& shard, const char* name, DType dtype,
                   const std::vector<std::int64_t>& shape) {
  FileTensor tensor = shard.tensor(name);
  if (tensor.dtype != dtype || tensor.shape != shape)
    bad_input(shard.path().string(), name,
              "expected " + std::string(polysem::name(dtype)) + " " + format_shape(shape) + ", found " +
                  std::string(polysem::name(tensor.dtype)) + " " + format_shape(tensor.shape) +
                  "; the shard does not belong to this store");
  return tensor;
}

}  // namespace

FileTensor shard_rows(const Safetensors& shard, DType dtype, std::int64_t rows, std::int64_t dim) {
  return checked(shard, "x", dtype, {rows, dim});
}

FileTensor shard_column(const Safetensors& shard, const char* name, std::int64_t rows) {
  return shard.contains(name) ? checked(shard, name, DType::kI32, {rows}) : FileTensor();
}

}  // namespace polysem::io
