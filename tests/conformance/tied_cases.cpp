#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Magnitudes {
  Values loss, grad;
};

// The op's formulas on absolute values, without rectifiers: errors are relative to them.
Magnitudes magnitudes(const Problem& p) {
  const auto& op = std::get<TiedGrad>(p.op());
  const std::int64_t n = op.features, m = op.neurons;
  Magnitudes sums{Values(at(op.instances)), Values(at(op.instances * n * m))};
  const bool noisy = p.at("noise").present;
  for (std::int64_t instance = 0; instance < op.instances; ++instance) {
    const auto w = [&](std::int64_t i, std::int64_t k) {
      return std::abs(p.values("w")[at((instance * n + i) * m + k)]);
    };
    const auto hidden = [&](std::int64_t i, std::int64_t k) {
      return w(i, k) + (noisy ? std::abs(p.values("noise")[at(instance * m + k)]) : 0);
    };
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double error = i == j ? 1 : 0;
        for (std::int64_t k = 0; k < m; ++k) error += hidden(i, k) * w(j, k);
        sums.loss[at(instance)] += error * error;
        for (std::int64_t k = 0; k < m; ++k) {
          sums.grad[at((instance * n + i) * m + k)] += 2 * error * w(j, k);
          sums.grad[at((instance * n + j) * m + k)] += 2 * error * hidden(i, k);
        }
      }
      for (std::int64_t k = 0; k < m; ++k) {
        sums.loss[at(instance)] += std::abs(op.l1) * w(i, k);
        sums.grad[at((instance * n + i) * m + k)] += std::abs(op.l1);
      }
    }
  }
  return sums;
}

std::string compare_tied(const Problem& problem, const std::vector<Values>& expected,
                         const std::vector<Values>& actual) {
  const auto& op = std::get<TiedGrad>(problem.op());
  Magnitudes sums = magnitudes(problem);
  const double factor = 2 * sum_error(2 * op.neurons + 2 * op.features + 16);
  std::string wrong;
  for (auto* values : {&sums.loss, &sums.grad})
    for (double& value : *values) value = value * factor + kTiny;
  const std::size_t loss = problem.position("loss"), grad = problem.position("grad");
  return compare_within("loss", expected[loss], actual[loss], sums.loss) +
         compare_within("grad", expected[grad], actual[grad], sums.grad);
}

}  // namespace

std::vector<Case> tied_cases() {
  std::vector<Case> list;
  const auto add = [&](const std::string& detail, const TiedGrad& op, bool noise, Data data = Data::kNormal,
                       bool pad = false) {
    list.push_back({"tied_grad_" + detail,
                    [=](std::uint64_t seed) {
                      Problem p(op, seed);
                      p.fill("w", data);
                      if (noise) p.fill("noise", data);
                      return pad ? p.pad() : p;
                    },
                    compare_tied});
  };
  for (const float slope : {0.0f, 1.0f, -1.0f, 0.3f}) {
    const TiedGrad op{.instances = 3, .features = 5, .neurons = 19, .negative_slope = slope, .l1 = 0.1f};
    const std::string name = std::to_string(list.size() / 2);
    add("slope" + name, op, false);
    add("slope" + name + "_noise_padded", op, true, Data::kNormal, true);
  }
  add("one", {.instances = 1, .features = 1, .neurons = 1}, true);
  add("integer", {.instances = 2, .features = 7, .neurons = 12, .l1 = 2}, true, Data::kInteger);
  add("several_tiles", {.instances = 2, .features = 70, .neurons = 300, .l1 = 0.01f}, true, Data::kNormal,
      true);
  add("several_tiles_aligned", {.instances = 1, .features = 128, .neurons = 512}, false);
  add("no_neurons", {.instances = 2, .features = 3, .neurons = 0}, false);
  add("no_instances", {.instances = 0, .features = 3, .neurons = 2}, false);
  return list;
}

}  // namespace polysem::conformance
