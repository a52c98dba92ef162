#pragma once

#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

/// A matrix product on views that bindings cover. With `ids`, column j of the result belongs to row ids[j] of
/// the transposed B and of the bias; B may be a window of `b_rows` rows from `b_row` on, and columns of other
/// rows are left as they are.
struct Product {
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  bool transpose_a = false, transpose_b = false, relu = false;
  bool f16 = false;  ///< inputs are rounded to f16 where that is faster
  std::int64_t a_instance = 0, b_instance = 0, c_instance = 0;  ///< elements from one instance to the next
  std::int64_t b_row = 0, b_rows = 0;
  float alpha = 1.0f, beta = 0.0f;
  View a{}, b{}, bias{}, c{}, ids{};
};

void record_product(const Scope& s, const Product& p);

}  // namespace polysem::vulkan
