#include <cmath>
#include <vector>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

double output(const TiedGrad& op, double z) {
  switch (op.output) {
    case TiedGrad::Output::kRelu:
      return z > 0 ? z : 0 * z;
    case TiedGrad::Output::kLinear:
      return z;
    case TiedGrad::Output::kAbs:
      return std::abs(z);
    case TiedGrad::Output::kLeaky:
      return z > 0 ? z : op.slope * z;
  }
  return z;
}

double slope(const TiedGrad& op, double z) {
  switch (op.output) {
    case TiedGrad::Output::kRelu:
      return z > 0 ? 1 : 0;
    case TiedGrad::Output::kLinear:
      return 1;
    case TiedGrad::Output::kAbs:
      return z > 0 ? 1 : z < 0 ? -1 : 0;
    case TiedGrad::Output::kLeaky:
      return z > 0 ? 1.0 : double{op.slope};
  }
  return 1;
}

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
      const double error = output(op, z) - (i == j ? 1 : 0);
      loss += error * error;
      const double back = 2 * error * slope(op, z);
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
