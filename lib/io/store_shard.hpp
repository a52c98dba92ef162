#pragma once

#include <cstdint>

#include "polysem/safetensors.hpp"

namespace polysem::io {

/// The rows of a shard. Throws Error{kBadInput} if they are not `dtype` [rows, dim].
FileTensor shard_rows(const Safetensors& shard, DType dtype, std::int64_t rows, std::int64_t dim);

/// A column of labels, without bytes where the shard has none. Throws Error{kBadInput} if it is not i32
/// [rows].
FileTensor shard_column(const Safetensors& shard, const char* name, std::int64_t rows);

}  // namespace polysem::io
