#include "backends/vulkan/product.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

// One dispatch where bindings cover the operands; else, of a single instance, windows of C's rows and
// columns.
void record(const Scope& s, const Gemm& op, const Gemm::Operands& t) {
  if (op.m == 0 || op.n == 0 || op.batch == 0) return;
  Product p{.m = op.m, .n = op.n, .k = op.k, .batch = op.batch};
  p.transpose_a = op.transpose_a, p.transpose_b = op.transpose_b, p.relu = op.relu;
  p.alpha = op.alpha, p.beta = op.beta;
  if (op.batch > 1) {
    p.a_instance = t.a.stride * (op.transpose_a ? op.k : op.m);
    p.b_instance = op.shared_b ? 0 : t.b.stride * (op.transpose_b ? op.n : op.k);
    p.c_instance = t.c.stride * op.m;
    p.a = s.view(t.a), p.b = s.view(t.b), p.bias = s.view(t.bias), p.c = s.view(t.c);
    return record_product(s, p);
  }
  const std::int64_t rows =
      std::min(rows_in_range(s.device, t.c), op.transpose_a ? op.m : rows_in_range(s.device, t.a));
  const std::int64_t columns = op.transpose_b ? rows_in_range(s.device, t.b) : op.n;
  for (std::int64_t i = 0; i < op.m; i += std::max<std::int64_t>(rows, 1)) {
    for (std::int64_t j = 0; j < op.n; j += std::max<std::int64_t>(columns, 1)) {
      p.m = std::min(rows, op.m - i), p.n = std::min(columns, op.n - j);
      p.a = s.view(op.transpose_a ? t.a.col_range(i, p.m) : t.a.row_range(i, p.m));
      p.b = s.view(op.transpose_b ? t.b.row_range(j, p.n) : t.b.col_range(j, p.n));
      p.bias = t.bias ? s.view(t.bias.col_range(j, p.n)) : View{};
      p.c = s.view(t.c.row_range(i, p.m).col_range(j, p.n));
      record_product(s, p);
    }
  }
}

}  // namespace polysem::vulkan
