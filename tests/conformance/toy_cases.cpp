#include <algorithm>
#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// --- FeatureFill: which features are active is exact; a value has two roundings ---

std::string compare_features(const Problem& problem, const std::vector<Values>& expected,
                             const std::vector<Values>& actual) {
  const std::size_t out = problem.position("out");
  Values tolerance;
  for (const double value : expected[out]) tolerance.push_back(value == 0 ? 0 : 8 * kU);
  return compare_within("out", expected[out], actual[out], tolerance);
}

void add_fills(std::vector<Case>& list) {
  using Sets = FeatureFill::Sets;
  const auto add = [&](const std::string& detail, const FeatureFill& op, const Values& densities, bool pad) {
    list.push_back({"feature_fill_" + detail,
                    [=](std::uint64_t seed) {
                      Problem p(op, seed);
                      Values density;
                      for (std::int64_t i = 0; i < op.instances * op.features; ++i)
                        density.push_back(densities[at(i) % densities.size()]);
                      p.set("density", density);
                      return pad ? p.pad() : p;
                    },
                    compare_features});
  };
  const Values mixed = {0.0, 0.01, 0.3, 0.9, 1.0, 2.0, -1.0};
  for (const Sets sets : {Sets::kIndependent, Sets::kTogether, Sets::kOneOf}) {
    const std::string kind = sets == Sets::kIndependent ? "independent"
                             : sets == Sets::kTogether  ? "together"
                                                        : "one_of";
    const std::int64_t size = sets == Sets::kIndependent ? 1 : 3;
    const FeatureFill op{
        .instances = 2, .features = 6, .batch = 65, .sets = sets, .set_size = size, .seed = 3};
    add(kind, op, mixed, false);
    FeatureFill other = op;
    other.symmetric = true, other.first = (std::uint64_t{1} << 34) - 30, other.batch = 301;
    add(kind + "_symmetric_far_padded", other, mixed, true);
  }
  add("one", {.instances = 1, .features = 1, .batch = 1, .seed = 5}, {1.0}, false);
  add("empty", {.instances = 3, .features = 2, .batch = 0}, {1.0}, false);
  add("long", {.instances = 1, .features = 2, .batch = 40000, .seed = 9}, {0.05, 0.5}, false);
}

// --- ToyGrad: sums of products; every error is relative to the sum of the terms' magnitudes ---

struct Magnitudes {
  Values loss, w_grad, decoder_grad, bias_grad;
};

// The op's formulas on absolute values, without rectifiers.
Magnitudes magnitudes(const Problem& p) {
  const auto& op = std::get<ToyGrad>(p.op());
  const std::int64_t n = op.features, m = op.dims;
  Magnitudes sums{Values(at(op.instances)), Values(at(op.instances * m * n)),
                  Values(at(op.instances * m * n)), Values(at(op.instances * n))};
  for (std::int64_t i = 0; i < op.instances; ++i) {
    const auto x = [&](std::int64_t f, std::int64_t s) {
      return std::abs(p.values("x")[at((i * n + f) * op.batch + s)]);
    };
    const auto w = [&](std::int64_t k, std::int64_t f) {
      return std::abs(p.values("w")[at((i * m + k) * n + f)]);
    };
    const auto d = [&](std::int64_t f, std::int64_t k) {
      return op.tied ? w(k, f) : std::abs(p.values("decoder")[at((i * n + f) * m + k)]);
    };
    for (std::int64_t s = 0; s < op.batch; ++s) {
      Values hidden(at(m)), gradient(at(n));
      for (std::int64_t k = 0; k < m; ++k)
        for (std::int64_t f = 0; f < n; ++f) hidden[at(k)] += w(k, f) * x(f, s);
      for (std::int64_t f = 0; f < n; ++f) {
        double error = std::abs(p.values("bias")[at(i * n + f)]) + x(f, s);
        for (std::int64_t k = 0; k < m; ++k) error += d(f, k) * hidden[at(k)];
        const double weight = std::abs(op.scale * p.values("importance")[at(i * n + f)]);
        sums.loss[at(i)] += weight * error * error;
        gradient[at(f)] = 2 * weight * error;
        sums.bias_grad[at(i * n + f)] += gradient[at(f)];
      }
      for (std::int64_t k = 0; k < m; ++k) {
        double back = 0;
        for (std::int64_t f = 0; f < n; ++f) back += d(f, k) * gradient[at(f)];
        for (std::int64_t f = 0; f < n; ++f) {
          const double use = hidden[at(k)] * gradient[at(f)];
          sums.w_grad[at((i * m + k) * n + f)] += back * x(f, s) + (op.tied ? use : 0);
          sums.decoder_grad[at((i * n + f) * m + k)] += use;
        }
      }
    }
  }
  return sums;
}

std::string compare_toy(const Problem& problem, const std::vector<Values>& expected,
                        const std::vector<Values>& actual) {
  const auto& op = std::get<ToyGrad>(problem.op());
  const Magnitudes sums = magnitudes(problem);
  // Encoder, decoder, back again, and the sum over samples.
  const double factor = 2 * sum_error(2 * op.features + op.dims + op.batch + 16);
  const auto compare = [&](std::string_view name, Values tolerance) {
    for (double& value : tolerance) value = value * factor + kTiny;
    const std::size_t i = problem.position(name);
    return compare_within(name, expected[i], actual[i], tolerance);
  };
  std::string wrong =
      compare("loss", sums.loss) + compare("w_grad", sums.w_grad) + compare("bias_grad", sums.bias_grad);
  return op.tied ? wrong : wrong + compare("decoder_grad", sums.decoder_grad);
}

void add_gradients(std::vector<Case>& list) {
  const auto add = [&](const std::string& detail, ToyGrad op, Data data = Data::kNormal, bool pad = false) {
    list.push_back(
        {"toy_grad_" + detail,
         [=](std::uint64_t seed) {
           Problem p(op, seed);
           p.fill("x", data).fill("w", data).fill("bias", data).fill("importance", Data::kPositive);
           if (!op.tied) p.fill("decoder", data).write("decoder_grad");
           return pad ? p.pad() : p;
         },
         compare_toy});
  };
  for (int bits = 0; bits < 16; ++bits) {
    ToyGrad op{.instances = 3, .features = 7, .dims = 3, .batch = 37};
    op.relu_hidden = bits & 1, op.relu_output = bits & 2, op.absolute_target = bits & 4, op.tied = bits & 8;
    op.scale = 0.25f;
    add("flags" + std::to_string(bits), op);
    add("flags" + std::to_string(bits) + "_padded", op, Data::kNormal, true);
  }
  add("one", {.instances = 1, .features = 1, .dims = 1, .batch = 1});
  add("integer", {.instances = 2, .features = 9, .dims = 5, .batch = 64}, Data::kInteger);
  add("several_tiles", {.instances = 2, .features = 5, .dims = 2, .batch = 2500}, Data::kNormal, true);
  add("wide", {.instances = 1, .features = 130, .dims = 33, .batch = 1000, .tied = false});
  add("no_samples", {.instances = 2, .features = 3, .dims = 2, .batch = 0});
  add("no_instances", {.instances = 0, .features = 3, .dims = 2, .batch = 4});
}

}  // namespace

std::vector<Case> toy_cases() {
  std::vector<Case> list;
  add_fills(list);
  add_gradients(list);
  return list;
}

}  // namespace polysem::conformance
