#include <cmath>
#include <vector>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

// One instance: sample i is the one-hot vector i.
void run_instance(const TiedGrad& op, const TiedGrad::Operands& t, std::int64_t instance) {
  const Floats w(t.w), noise(t.noise), grad(t.grad);
  const std::int64_t n = op.features, m = op.neurons, first = instance * n;
  std::vector<double> gradient(static_cast<std::size_t>(n * m)), hidden(static_cast<std::size_t>(m));
  const auto at = [&](std::int64_t row, std::int64_t k) -> double& {
    return gradient[static_cast<std::size_t>(row * m + k)];
  };
  double loss = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < m; ++k)
      hidden[static_cast<std::size_t>(k)] = w(first + i, k) + (noise ? noise(instance, k) : 0.0);
    for (std::int64_t j = 0; j < n; ++j) {
      double z = 0;
      for (std::int64_t k = 0; k < m; ++k) z += hidden[static_cast<std::size_t>(k)] * w(first + j, k);
      const double slope = z > 0 ? 1.0 : double{op.negative_slope};
      const double error = slope * z - (i == j ? 1 : 0);
      loss += error * error;
      const double back = 2 * error * slope;
      for (std::int64_t k = 0; k < m; ++k) {
        at(i, k) += back * w(first + j, k);
        at(j, k) += back * hidden[static_cast<std::size_t>(k)];
      }
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < m; ++k) {
      const double value = w(first + i, k);
      loss += op.l1 * std::abs(value);
      grad.set(first + i, k, at(i, k) + op.l1 * (value > 0 ? 1 : value < 0 ? -1 : 0));
    }
  }
  Floats(t.loss).set(instance, loss);
}

}  // namespace

void run(const TiedGrad& op, const TiedGrad::Operands& t) {
  for (std::int64_t i = 0; i < op.instances; ++i) run_instance(op, t, i);
}

}  // namespace polysem::reference
