#include "polysem/coder_step.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "polysem/random.hpp"

namespace polysem {
namespace {

constexpr std::int64_t kBatch = 6, kDim = 5, kLatents = 12, kK = 3;

std::vector<float> normals(std::int64_t count, std::uint32_t substream, float scale = 1.0f) {
  const Random random(42, RandomStream::kData, substream);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = scale * random.normal(i);
  return values;
}

CoderWeights random_weights() {
  return {normals(kLatents * kDim, 1, 0.6f), normals(kLatents * kDim, 2, 0.6f), normals(kLatents, 3, 0.1f),
          normals(kDim, 4, 0.3f)};
}

CoderConfig small_config() {
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

std::vector<std::size_t> all_latents() {
  std::vector<std::size_t> all(kLatents);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

using Supports = std::vector<std::vector<std::size_t>>;

Supports supports_of(const Naive& model, const std::vector<float>& x, std::size_t k,
                     const std::vector<std::size_t>& among) {
  Supports list;
  for (std::size_t r = 0; r < kBatch; ++r) list.push_back(model.select(x.data() + r * kDim, k, among));
  return list;
}

double main_loss(const Naive& model, const std::vector<float>& x, const Supports& supports) {
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

void expect_near(const std::vector<float>& found, const std::vector<double>& expected, const char* what) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (const double e : expected) largest = std::max(largest, std::abs(e));
  EXPECT_GT(largest, 0) << what;
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 2e-5 * largest) << what << " " << i;
}

class CoderStepTest : public testing::TestWithParam<std::string> {
 protected:
  CoderStepTest() : backend_(open_backend(GetParam(), 2)), executor_(*backend_) {}

  // One step from zero moments with beta1 = 0 leaves the gradient in m.
  std::map<std::string, std::vector<float>> gradients(const CoderConfig& config, const std::vector<float>& x,
                                                      const std::vector<std::uint32_t>& since = {},
                                                      float clip = 0) {
    CoderStep step(executor_, config, random_weights(), kBatch, 1.7);
    std::map<std::string, Tensor> state;
    for (const auto& [name, tensor] : step.state()) state[name] = tensor;
    if (!since.empty()) executor_.upload(state["samples_since_fired"], since);
    const Array input = executor_.make_from(kBatch, config.d_in, x);
    result_ = step.run(input, input, {.rate = 0.0f, .beta1 = 0.0f}, clip, true);
    std::map<std::string, std::vector<float>> found;
    for (const char* name : {"W_enc", "W_dec", "b_enc", "b_dec"})
      found[name] = executor_.download_f32(state[std::string("adam.m.") + name]);
    return found;
  }

  std::unique_ptr<Backend> backend_;
  Executor executor_;
  StepResult result_;
};

TEST_P(CoderStepTest, GradientsMatchFiniteDifferences) {
  const auto x = normals(kBatch * kDim, 0);
  Naive model(random_weights());
  const auto supports = supports_of(model, x, kK, all_latents());
  const auto f = [&] { return main_loss(model, x, supports); };
  const auto found = gradients(small_config(), x);
  EXPECT_NEAR(result_.loss, f(), 1e-6 * f());
  expect_near(found.at("W_enc"), finite_differences(model.w_enc, f), "W_enc");
  expect_near(found.at("W_dec"), finite_differences(model.w_dec, f), "W_dec");
  expect_near(found.at("b_enc"), finite_differences(model.b_enc, f), "b_enc");
  expect_near(found.at("b_dec"), finite_differences(model.b_dec, f), "b_dec");
}

// The AuxK term alone is what dead latents see; live latents and b_dec's direct part see it only through
// nothing, since the error is held constant. b_dec still moves the encoder's input.
TEST_P(CoderStepTest, AuxKReachesEncoderAndDecoderOfDeadLatents) {
  const auto x = normals(kBatch * kDim, 0);
  CoderConfig config = small_config();
  config.aux_k = 2;
  config.aux_coefficient = 0.25f;
  config.dead_window = 100;
  const std::vector<std::size_t> dead = {1, 4, 9, 10};
  std::vector<std::uint32_t> since(kLatents, 0);
  for (const std::size_t j : dead) since[j] = 100;

  Naive model(random_weights());
  const auto supports = supports_of(model, x, kK, all_latents());
  const auto aux_supports = supports_of(model, x, 2, dead);
  std::vector<std::vector<double>> e;  // held constant
  double error_variance = 0;
  for (std::size_t r = 0; r < kBatch; ++r) {
    auto y = model.decode(x.data() + r * kDim, supports[r], true);
    for (std::size_t d = 0; d < kDim; ++d)
      y[d] = x[r * kDim + d] - y[d], error_variance += y[d] * y[d] / kBatch;
    e.push_back(y);
  }
  const auto aux_loss = [&] {
    double loss = 0;
    for (std::size_t r = 0; r < kBatch; ++r) {
      const auto y = model.decode(x.data() + r * kDim, aux_supports[r], false);
      for (std::size_t d = 0; d < kDim; ++d) loss += std::pow(y[d] - e[r][d], 2) / kBatch;
    }
    return loss;
  };
  const double weight = 0.25 * 1.7 / error_variance;
  const auto f = [&] { return main_loss(model, x, supports) + weight * aux_loss(); };

  const auto found = gradients(config, x, since);
  EXPECT_EQ(result_.dead, 4);
  EXPECT_NEAR(result_.aux_loss, aux_loss(), 1e-6 * aux_loss());
  expect_near(found.at("W_enc"), finite_differences(model.w_enc, f), "W_enc");
  expect_near(found.at("W_dec"), finite_differences(model.w_dec, f), "W_dec");
  expect_near(found.at("b_enc"), finite_differences(model.b_enc, f), "b_enc");
  expect_near(found.at("b_dec"), finite_differences(model.b_dec, f), "b_dec");
  double encoder_gradient = 0;
  for (const std::size_t j : dead)
    for (std::size_t d = 0; d < kDim; ++d) encoder_gradient += std::abs(found.at("W_enc")[j * kDim + d]);
  EXPECT_GT(encoder_gradient, 1e-3);
}

TEST_P(CoderStepTest, ClippingScalesTheWholeGradient) {
  const auto x = normals(kBatch * kDim, 0);
  const auto free = gradients(small_config(), x);
  const auto loose = gradients(small_config(), x, {}, 1e6f);
  const auto clipped = gradients(small_config(), x, {}, 0.5f);
  double squares = 0;
  for (const auto& [name, g] : clipped)
    for (const float v : g) squares += double{v} * v;
  EXPECT_NEAR(std::sqrt(squares), 0.5, 1e-5);
  for (const auto& [name, g] : free) {
    for (std::size_t i = 0; i < g.size(); ++i) {
      EXPECT_NEAR(loose.at(name)[i], g[i], 1e-5) << name;
      EXPECT_NEAR(clipped.at(name)[i] * free.at("W_dec")[0], g[i] * clipped.at("W_dec")[0], 1e-5) << name;
    }
  }
}

TEST_P(CoderStepTest, UnitNormDecoderStaysOnItsSphere) {
  const auto x = normals(kBatch * kDim, 0);
  CoderConfig config = small_config();
  config.decoder = DecoderConstraint::kUnitNorm;
  for (const float clip : {0.0f, 0.5f}) {
    CoderStep step(executor_, config, random_weights(), kBatch, 1.0);
    const Array input = executor_.make_from(kBatch, kDim, x);
    for (int i = 1; i <= 3; ++i) step.run(input, input, {.rate = 0.05f, .step = i}, clip, false);
    const auto w = step.weights().w_dec;
    for (std::size_t j = 0; j < kLatents; ++j) {
      double squares = 0;
      for (std::size_t d = 0; d < kDim; ++d) squares += double{w[j * kDim + d]} * w[j * kDim + d];
      EXPECT_NEAR(squares, 1.0, 1e-5);
    }
  }
}

// Norm-aware selection is free of scale: doubling a decoder row while halving its encoder row and bias
// changes neither which latents win nor the output.
TEST_P(CoderStepTest, NormAwareSelectionIgnoresScale) {
  const auto x = normals(kBatch * kDim, 0);
  CoderConfig config = small_config();
  config.decoder = DecoderConstraint::kNormAware;
  CoderWeights scaled = random_weights();
  for (std::size_t j = 0; j < kLatents; ++j) {
    const float s = j % 2 == 0 ? 4.0f : 0.25f;
    for (std::size_t d = 0; d < kDim; ++d) scaled.w_dec[j * kDim + d] *= s, scaled.w_enc[j * kDim + d] /= s;
    scaled.b_enc[j] /= s;
  }
  const Array input = executor_.make_from(kBatch, kDim, x);
  const Array a = executor_.make(kBatch, kDim), b = executor_.make(kBatch, kDim);
  SparseCoder(executor_, config, random_weights(), kBatch).reconstruct(input, a);
  SparseCoder(executor_, config, scaled, kBatch).reconstruct(input, b);
  const auto ya = executor_.download_f32(a), yb = executor_.download_f32(b);
  for (std::size_t i = 0; i < ya.size(); ++i) EXPECT_NEAR(ya[i], yb[i], 1e-5);
}

TEST_P(CoderStepTest, TrainingLowersTheLossAndCountsFirings) {
  const auto x = normals(kBatch * kDim, 0);
  CoderStep step(executor_, small_config(), random_weights(), kBatch, 1.0);
  const Array input = executor_.make_from(kBatch, kDim, x);
  double first = 0, last = 0;
  for (int i = 1; i <= 200; ++i) {
    const auto r = step.run(input, input, {.rate = 0.01f, .step = i}, 0, true);
    if (i == 1) first = r.loss;
    last = r.loss;
    EXPECT_LE(r.l0, kK);
  }
  EXPECT_LT(last, 0.2 * first);
  for (const auto& [name, tensor] : step.state()) {
    if (name != "fired") continue;
    const auto fired = executor_.download_u32(tensor);
    EXPECT_LE(std::accumulate(fired.begin(), fired.end(), 0u), 200u * kBatch * kK);
    EXPECT_GT(std::accumulate(fired.begin(), fired.end(), 0u), 200u * kBatch);
  }
}

std::vector<std::string> backends_that_run() {
  std::vector<std::string> names;
  for (const BackendEntry* entry : registered_backends())
    if (entry->probe()) names.emplace_back(entry->name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, CoderStepTest, testing::ValuesIn(backends_that_run()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace polysem
