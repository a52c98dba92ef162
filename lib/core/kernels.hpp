#pragma once

#include <cstddef>
#include <cstdint>

#include "polysem/core.h"

namespace polysem::core {

constexpr int kDTypes = POLYSEM_INT4 + 1;
constexpr std::size_t kLanes = 16;  // partial sums of a product

/// The inner loops, for one set of instructions. Rows are as in model_format.hpp without their scales;
/// `elements` is a row's padded length, a multiple of 32, and vectors are that long, too.
struct Kernels {
  /// out[r] = sum of row r * x for `count` rows that follow each other, in the fixed order: partial sum l
  /// takes the elements l, l + 16, ...; then the upper half of the sums is added to the lower until one is
  /// left.
  using Dot = void (*)(const unsigned char* rows, std::size_t row_bytes, std::size_t count, const float* x,
                       std::size_t elements, float* out);
  /// y += coefficient * row.
  using AddRow = void (*)(const unsigned char* row, float coefficient, std::size_t elements, float* y);
  /// out[r][p] = sum over i < d of rows[r * stride + i] * panel[i][p], for tile_rows rows and tile_positions
  /// positions; in no fixed order of sums.
  using Tile = void (*)(const float* rows, std::size_t stride, const float* panel, std::size_t d, float* out);

  Dot dot[kDTypes];  // by polysem_dtype
  AddRow add_row[kDTypes];
  Tile tile;
  std::size_t tile_rows, tile_positions;
};

/// The fastest that this machine can run. Asks the processor, not the system.
const Kernels& choose_kernels();

extern const Kernels kKernels;
#ifdef POLYSEM_CORE_DISPATCH
extern const Kernels kKernelsAvx2, kKernelsAvx512;
#endif

}  // namespace polysem::core
