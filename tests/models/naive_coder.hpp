#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "polysem/coder_step.hpp"
#include "polysem/random.hpp"
#include "tests/support/runs_recipe.hpp"

/// A small coder and its passes in double, by definition.
namespace polysem::test {

inline constexpr std::int64_t kBatch = 6, kDim = 5, kLatents = 12, kK = 3;

inline std::vector<float> normals(std::int64_t count, std::uint32_t substream, float scale = 1.0f) {
  const Random random(42, RandomStream::kData, substream);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = scale * random.normal(i);
  return values;
}

inline CoderWeights random_weights() {
  return {normals(kLatents * kDim, 1, 0.6f), normals(kLatents * kDim, 2, 0.6f), normals(kLatents, 3, 0.1f),
          normals(kDim, 4, 0.3f)};
}

inline CoderConfig small_config() {
  CoderConfig config{.d_in = kDim, .d_out = kDim, .latents = kLatents, .k = kK};
  config.decoder = DecoderConstraint::kNone;
  config.aux_k = 0;
  return config;
}

// The coder once more, in double and by its definition, with the selection of latents given.
struct Naive {
  std::vector<double> w_enc, w_dec, b_enc, b_dec;

  explicit Naive(const CoderWeights& w)
      : w_enc(w.w_enc.begin(), w.w_enc.end()),
        w_dec(w.w_dec.begin(), w.w_dec.end()),
        b_enc(w.b_enc.begin(), w.b_enc.end()),
        b_dec(w.b_dec.begin(), w.b_dec.end()) {}

  double pre_activation(const float* x, std::size_t j) const {
    double h = b_enc[j];
    for (std::size_t d = 0; d < kDim; ++d) h += (x[d] - b_dec[d]) * w_enc[j * kDim + d];
    return h;
  }

  std::vector<std::size_t> select(const float* x, std::size_t k,
                                  const std::vector<std::size_t>& among) const {
    std::vector<std::size_t> order(among);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return pre_activation(x, a) > pre_activation(x, b);
    });
    order.resize(k);
    return order;
  }

  std::vector<double> decode(const float* x, const std::vector<std::size_t>& support, bool bias) const {
    std::vector<double> y(kDim, 0.0);
    if (bias) y = b_dec;
    for (const std::size_t j : support) {
      const double f = std::max(pre_activation(x, j), 0.0);
      for (std::size_t d = 0; d < kDim; ++d) y[d] += f * w_dec[j * kDim + d];
    }
    return y;
  }
};

inline std::vector<std::size_t> all_latents() {
  std::vector<std::size_t> all(kLatents);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

using Supports = std::vector<std::vector<std::size_t>>;

inline Supports supports_of(const Naive& model, const std::vector<float>& x, std::size_t k,
                            const std::vector<std::size_t>& among) {
  Supports list;
  for (std::size_t r = 0; r < kBatch; ++r) list.push_back(model.select(x.data() + r * kDim, k, among));
  return list;
}

inline double main_loss(const Naive& model, const std::vector<float>& x, const Supports& supports) {
  double loss = 0;
  for (std::size_t r = 0; r < kBatch; ++r) {
    const auto y = model.decode(x.data() + r * kDim, supports[r], true);
    for (std::size_t d = 0; d < kDim; ++d) loss += std::pow(y[d] - x[r * kDim + d], 2);
  }
  return loss / kBatch;
}

// Gradient of f at `values` by the four-point central difference, error O(h^4).
template <class F>
std::vector<double> finite_differences(std::vector<double>& values, const F& f) {
  constexpr double kStep = 1e-3;
  std::vector<double> gradient;
  for (double& v : values) {
    const double at = v;
    const auto value = [&](double offset) {
      v = at + offset;
      return f();
    };
    gradient.push_back((8 * (value(kStep) - value(-kStep)) - (value(2 * kStep) - value(-2 * kStep))) /
                       (12 * kStep));
    v = at;
  }
  return gradient;
}

inline void expect_near(const std::vector<float>& found, const std::vector<double>& expected,
                        const char* what) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (const double e : expected) largest = std::max(largest, std::abs(e));
  EXPECT_GT(largest, 0) << what;
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 2e-5 * largest) << what << " " << i;
}

/// Backends of this build that can run here, by name.
inline std::vector<std::string> backends_that_run() {
  std::vector<std::string> names;
  for (const BackendEntry* entry : registered_backends())
    if (entry->probe()) names.emplace_back(entry->name);
  return names;
}

/// Those that have the ops of a recipe.
inline std::vector<std::string> backends_that_run(std::string_view recipe) {
  std::vector<std::string> names = backends_that_run();
  std::erase_if(names, [&](const std::string& name) {
    return !runs_recipe(*open_backend(name, 1), find_recipe(recipe));
  });
  return names;
}

/// Gradients of one training step on every backend.
class StepTest : public testing::TestWithParam<std::string> {
 protected:
  StepTest() : backend_(open_backend(GetParam(), 2)), executor_(*backend_) {}

  // One step from zero moments with beta1 = 0 leaves the gradient in m.
  std::map<std::string, std::vector<float>> gradients(const CoderConfig& config, const std::vector<float>& x,
                                                      const std::vector<std::uint32_t>& since = {},
                                                      float clip = 0,
                                                      const CoderWeights& weights = random_weights(),
                                                      float sparsity = 0, bool dense = false) {
    CoderStep step(executor_, config, weights, kBatch, 1.7);
    for (const NamedNumber& number : step.numbers())
      if (number.name == "dense_codes") *number.value = dense;
    std::map<std::string, Tensor> state;
    for (const auto& [name, tensor] : step.state()) state[name] = tensor;
    if (!since.empty()) {
      executor_.upload(state["samples_since_fired"], since);
      step.restored();
    }
    const Array input = executor_.make_from(kBatch, config.d_in, x);
    result_ = step.run(input, input, {.rate = 0.0f, .beta1 = 0.0f}, clip, true, sparsity);
    std::map<std::string, std::vector<float>> found;
    for (const char* name : {"W_enc", "W_dec", "b_enc", "b_dec", "threshold"})
      if (const Tensor m = state[std::string("adam.m.") + name]) found[name] = executor_.download_f32(m);
    return found;
  }

  std::unique_ptr<Backend> backend_;
  Executor executor_;
  StepResult result_;
};

}  // namespace polysem::test
