// The reference backend's ops of toy models: gradients against finite differences, features against their
// statistics.
#include <gtest/gtest.h>

#include <cmath>

#include "polysem/executor.hpp"

namespace polysem {
namespace {

using Values = std::vector<float>;

class ReferenceToy : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor run_{*backend_};

  static Values normals(std::int64_t count, double sd, std::uint32_t substream) {
    const Random random(4, RandomStream::kInitialisation, substream);
    Values values;
    for (std::int64_t i = 0; i < count; ++i)
      values.push_back(static_cast<float>(sd * random.normal(static_cast<std::uint64_t>(i))));
    return values;
  }
};

struct Point {
  Values x, w, decoder, bias, importance;
};
struct Outputs {
  Values loss, w_grad, decoder_grad, bias_grad;
};

Outputs evaluate(Executor& run, const ToyGrad& op, const Point& p) {
  const std::int64_t nk = op.instances * op.features, mk = op.instances * op.dims;
  const auto in = [&](const Values& v, std::int64_t rows) {
    return run.make_from(rows, static_cast<std::int64_t>(v.size()) / rows, v);
  };
  const Array x = in(p.x, nk), w = in(p.w, mk), bias = in(p.bias, op.instances),
              importance = in(p.importance, op.instances);
  const Array decoder = op.tied ? Array() : in(p.decoder, nk);
  const Array loss = run.make(1, op.instances), w_grad = run.make(mk, op.features);
  const Array decoder_grad = op.tied ? Array() : run.make(nk, op.dims),
              bias_grad = run.make(op.instances, op.features);
  run.run(op, {.x = x,
               .w = w,
               .decoder = decoder,
               .bias = bias,
               .importance = importance,
               .loss = loss,
               .w_grad = w_grad,
               .decoder_grad = decoder_grad,
               .bias_grad = bias_grad});
  return {run.download_f32(loss), run.download_f32(w_grad),
          op.tied ? Values() : run.download_f32(decoder_grad), run.download_f32(bias_grad)};
}

// Every gradient of every form of the model. The loss is a polynomial of low degree between kinks; few of 64
// samples cross one within a step.
TEST_F(ReferenceToy, GradientsAreDifferencesOfTheLoss) {
  for (int form = 0; form < 16; ++form) {
    ToyGrad op{.instances = 2, .features = 4, .dims = 3, .batch = 64};
    op.relu_hidden = form & 1, op.relu_output = form & 2, op.absolute_target = form & 4, op.tied = form & 8;
    op.scale = 1.0f / 64;
    Point p{normals(8 * 64, 1, 0), normals(24, 0.6, 1), normals(24, 0.6, 2), normals(8, 0.3, 3),
            Values(8, 0.7f)};
    const Outputs at = evaluate(run_, op, p);
    const auto check = [&](Values& list, const Values& gradient, const char* name) {
      for (std::size_t i = 0; i < list.size(); ++i) {
        const float before = list[i], step = 2.5e-4f;
        const std::size_t instance = i / (list.size() / 2);
        list[i] = before + step;
        const double above = evaluate(run_, op, p).loss[instance];
        list[i] = before - step;
        const double below = evaluate(run_, op, p).loss[instance];
        list[i] = before;
        EXPECT_NEAR((above - below) / (2 * double{step}), gradient[i], 4e-3)
            << name << ' ' << i << " form " << form;
      }
    };
    check(p.w, at.w_grad, "w");
    check(p.bias, at.bias_grad, "bias");
    if (!op.tied) check(p.decoder, at.decoder_grad, "decoder");
  }
}

// One feature by hand: y = w^2 x + b.
TEST_F(ReferenceToy, OneFeatureByHand) {
  const ToyGrad op{.instances = 1, .features = 1, .dims = 1, .batch = 1, .scale = 0.5f};
  const Outputs out = evaluate(run_, op, {{0.8f}, {0.5f}, {}, {0.25f}, {2.0f}});
  const double error = 0.25 * 0.8 + 0.25 - 0.8;
  EXPECT_NEAR(out.loss[0], error * error, 1e-6);
  EXPECT_NEAR(out.bias_grad[0], 2 * error, 1e-6);
  EXPECT_NEAR(out.w_grad[0], 2 * error * 2 * 0.5 * 0.8, 1e-6);
}

struct Statistics {
  double active = 0, mean = 0, together = 0;  ///< of two features
};

Statistics statistics_of(Executor& run, FeatureFill op, float density) {
  constexpr std::int64_t kSamples = 20000;
  op.instances = 1, op.features = 2, op.batch = kSamples, op.seed = 8;
  const Array out = run.make(2, kSamples);
  run.run(op, {.density = run.make_from(1, 2, Values(2, density)), .out = out});
  const Values x = run.download_f32(out);
  Statistics s;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const bool first = x[i] != 0, second = x[kSamples + i] != 0;
    s.active += first, s.mean += double{x[i]}, s.together += first && second;
  }
  s.mean /= s.active, s.active /= kSamples, s.together /= kSamples;
  return s;
}

// Frequencies within four standard errors.
TEST_F(ReferenceToy, FeaturesHaveTheirDensities) {
  using Sets = FeatureFill::Sets;
  const double p = 0.3, error = 4 * std::sqrt(p / 20000);
  const Statistics independent = statistics_of(run_, {}, 0.3f);
  EXPECT_NEAR(independent.active, p, error);
  EXPECT_NEAR(independent.mean, 0.5, 0.02);
  EXPECT_NEAR(independent.together, p * p, error);
  const Statistics together =
      statistics_of(run_, {.sets = Sets::kTogether, .set_size = 2, .symmetric = true}, 0.3f);
  EXPECT_NEAR(together.active, p, error);
  EXPECT_EQ(together.together, together.active);
  EXPECT_NEAR(together.mean, 0, 0.03);
  const Statistics one = statistics_of(run_, {.sets = Sets::kOneOf, .set_size = 2}, 0.3f);
  EXPECT_NEAR(one.active, p / 2, error);
  EXPECT_EQ(one.together, 0);
  EXPECT_NEAR(statistics_of(run_, {}, 1.0f).active, 1, 1e-3);
}

}  // namespace
}  // namespace polysem
