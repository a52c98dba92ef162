#pragma once

#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

/// Sparse codes of some rows as shaders see them: bindings 0 to 2, and the push constants of CODES_PUSH.
struct Codes {
  struct Push {
    std::uint32_t k, capacity, values_first, ids_first, offsets_first;
  };
  View values, ids, offsets;
  Push push{};

  /// `O` is an op on codes, `t` its operands.
  template <class O>
  static Codes of_rows(const Scope& s, const O& op, const typename O::Operands& t, std::int64_t row,
                       std::int64_t rows) {
    Codes codes;
    const bool fixed = op.k > 0;
    const auto part = [&](const Tensor& list) {
      return s.view(fixed ? list.col_range(row * op.k, rows * op.k) : list);
    };
    codes.values = part(t.values), codes.ids = part(t.ids);
    if (!fixed) codes.offsets = s.view(t.row_offsets.col_range(row, rows + 1));
    codes.push = {u32(op.k), u32(fixed ? rows * op.k : op.capacity), codes.values.first, codes.ids.first,
                  codes.offsets.first};
    return codes;
  }
};

}  // namespace polysem::vulkan
