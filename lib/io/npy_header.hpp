#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/io/byte_reader.hpp"
#include "polysem/dtype.hpp"

namespace polysem::io {

struct NpyHeader {
  DType dtype = DType::kF32;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::uint64_t data_bytes = 0;  ///< what the shape needs
};

/// Reads magic, version and description; the reader then stands at the first element.
NpyHeader read_npy_header(ByteReader& reader);

/// The whole header of a C-order array, padded so that the elements start at a multiple of 64.
std::string format_npy_header(DType dtype, std::span<const std::int64_t> shape);

}  // namespace polysem::io
