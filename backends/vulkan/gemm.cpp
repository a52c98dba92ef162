#include "backends/vulkan/product.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

// Windows of one instance: of C's rows and columns, and of the sum where an operand lies along it. Parts of
// the sum add up in C.
struct Steps {
  std::int64_t m, n, k;
};

Steps steps_of(const Scope& s, const Gemm& op, const Gemm::Operands& t) {
  const std::int64_t a_rows = rows_in_range(s.device, t.a), b_rows = rows_in_range(s.device, t.b);
  Steps steps{std::min(op.m, rows_in_range(s.device, t.c)), op.n, op.k};
  (op.transpose_a ? steps.k : steps.m) = std::min(op.transpose_a ? steps.k : steps.m, a_rows);
  (op.transpose_b ? steps.n : steps.k) = std::min(op.transpose_b ? steps.n : steps.k, b_rows);
  if (steps.m == 0 || steps.n == 0 || (steps.k == 0 && op.k > 0))
    throw Error(ErrorCode::kUnsupported, "a row is longer than what a shader of this device sees");
  if (steps.k < op.k && t.c.dtype != DType::kF32)
    throw Error(ErrorCode::kUnsupported, "parts of a sum would be rounded to 16 bits between them");
  return steps;
}

void record_window(const Scope& s, const Gemm& op, const Gemm::Operands& t, Product p, std::int64_t i,
                   std::int64_t j, std::int64_t k_step) {
  p.c = s.view(t.c.row_range(i, p.m).col_range(j, p.n));
  for (std::int64_t q = 0; q == 0 || q < op.k; q += k_step) {
    p.k = std::min(k_step, op.k - q);
    const bool last = q + p.k == op.k;
    p.a = s.view(op.transpose_a ? t.a.row_range(q, p.k).col_range(i, p.m)
                                : t.a.row_range(i, p.m).col_range(q, p.k));
    p.b = s.view(op.transpose_b ? t.b.row_range(j, p.n).col_range(q, p.k)
                                : t.b.row_range(q, p.k).col_range(j, p.n));
    p.beta = q == 0 ? op.beta : 1.0f;
    p.relu = op.relu && last;
    p.bias = t.bias && last ? s.view(t.bias.col_range(j, p.n)) : View{};
    record_product(s, p);
    if (last) break;
  }
}

bool fits(const Scope& s, const Tensor& t) { return rows_in_range(s.device, t) >= t.rows; }

// One by one: together a binding would not cover them.
void record_instances(const Scope& s, const Gemm& op, const Gemm::Operands& t) {
  Gemm one = op;
  one.batch = 1;
  const std::int64_t a_rows = op.transpose_a ? op.k : op.m, b_rows = op.transpose_b ? op.n : op.k;
  for (std::int64_t i = 0; i < op.batch; ++i)
    record(s, one,
           {.a = t.a.row_range(i * a_rows, a_rows),
            .b = t.b.row_range(op.shared_b ? 0 : i * b_rows, b_rows),
            .bias = t.bias,
            .c = t.c.row_range(i * op.m, op.m)});
}

}  // namespace

void record(const Scope& s, const Gemm& op, const Gemm::Operands& t) {
  if (op.m == 0 || op.n == 0 || op.batch == 0) return;
  Product p{.m = op.m, .n = op.n, .k = op.k, .batch = op.batch};
  p.transpose_a = op.transpose_a, p.transpose_b = op.transpose_b, p.relu = op.relu;
  p.alpha = op.alpha, p.beta = op.beta, p.f16 = op.precision == Precision::kF16;
  if (op.batch > 1 && fits(s, t.a) && fits(s, t.b) && fits(s, t.c)) {
    p.a_instance = t.a.stride * (op.transpose_a ? op.k : op.m);
    p.b_instance = op.shared_b ? 0 : t.b.stride * (op.transpose_b ? op.n : op.k);
    p.c_instance = t.c.stride * op.m;
    p.a = s.view(t.a), p.b = s.view(t.b), p.bias = s.view(t.bias), p.c = s.view(t.c);
    return record_product(s, p);
  }
  if (op.batch > 1) return record_instances(s, op, t);
  const Steps steps = steps_of(s, op, t);
  for (std::int64_t i = 0; i < op.m; i += steps.m) {
    for (std::int64_t j = 0; j < op.n; j += steps.n) {
      p.m = std::min(steps.m, op.m - i), p.n = std::min(steps.n, op.n - j);
      record_window(s, op, t, p, i, j, steps.k);
    }
  }
}

}  // namespace polysem::vulkan
