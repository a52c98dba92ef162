#pragma once

#include <cstdint>
#include <string_view>

#include "backends/reference/views.hpp"

namespace polysem::reference {

/// Sparse codes in memory (layout: SparseCodes), with every offset and id checked: the constructor throws
/// Error{kInvalidArgument} that names the op and the place.
class Codes {
 public:
  template <class O>
  Codes(const O& op, const typename O::Operands& t)
      : values_(t.values), ids_(t.ids), row_offsets_(t.row_offsets), k_(op.k) {
    check(O::kName, op.rows, op.latents, op.capacity);
  }

  std::int64_t begin(std::int64_t row) const { return k_ > 0 ? row * k_ : row_offsets_[row]; }
  std::int64_t end(std::int64_t row) const { return begin(row + 1); }
  double value(std::int64_t entry) const { return values_[entry]; }
  std::int32_t latent(std::int64_t entry) const { return ids_[entry]; }

 private:
  void check(std::string_view op, std::int64_t rows, std::int64_t latents, std::int64_t capacity) const;

  Floats values_;
  Integers<std::int32_t> ids_, row_offsets_;
  std::int64_t k_;
};

}  // namespace polysem::reference
