// Exact losses of toy models against closed forms and optima that were computed by another program
// (quadrature and seeded Monte Carlo), for two features in one dimension and five in two.
#include "polysem/toy_loss.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "polysem/error.hpp"
#include "polysem/toy_optimum.hpp"

namespace polysem {
namespace {

ToyInstance two_in_one(double w1, double w2, double b1, double b2, double density, double importance) {
  return {2, 1, {w1, w2}, {b1, b2}, {density, density}, {1.0, importance}};
}

// Closed forms of one_dimension_short(): one feature alone, the other alone, both opposite.
TEST(ToyLoss, TwoFeaturesInOneDimension) {
  for (const double p : {0.03, 0.3, 1.0}) {
    for (const double r : {0.1, 1.0, 3.0}) {
      const OneDimensionShort closed = one_dimension_short(p, r);
      EXPECT_NEAR(exact_relu_loss(two_in_one(1, 0, 0, p / 2, p, r)), closed.ignore_extra, 1e-12);
      EXPECT_NEAR(exact_relu_loss(two_in_one(0, 1, p / 2, 0, p, r)), closed.ignore_other, 1e-12);
      EXPECT_NEAR(exact_relu_loss(two_in_one(1, -1, 0, 0, p, r)), closed.antipodal, 1e-12);
    }
  }
}

// L = p/3 - 2 E[x y] + E[y^2] worked out by hand for one feature with weight w, bias b >= 0:
// y = w^2 x + b.
TEST(ToyLoss, OneFeatureByHand) {
  const double p = 0.4, a = 0.8 * 0.8, b = 0.1;
  const ToyInstance t{1, 1, {0.8}, {b}, {p}, {2.0}};
  const double xy = p * (a / 3 + b / 2), yy = p * (a * a / 3 + a * b) + b * b;
  EXPECT_NEAR(exact_relu_loss(t), 2 * (p / 3 - 2 * xy + yy), 1e-14);
}

// Values at the optimum: |W| and b as printed have four digits, and there the loss is flat.
TEST(ToyLoss, FiveFeaturesInTwoDimensions) {
  const ToyInstance pentagon = polygon_instance(5, 5, 1.1346, -0.2463, 0.05);
  EXPECT_NEAR(exact_relu_loss(pentagon), 0.00890359, 2e-8);
  struct Digons {
    double density, loss;
  };
  for (const Digons& d : {Digons{0.01, 0.0033750}, {0.05, 0.0177053}, {0.2, 0.0830358}, {0.4, 0.1953194}}) {
    const ToyOptimum found = minimise_relu_loss(digons_instance(5, 2, 2, d.density));
    EXPECT_NEAR(found.loss, d.loss, 1e-6 * d.loss + 5e-8) << d.density;
  }
  for (const Digons& d : {Digons{0.01, 0.00100148}, {0.1, 0.0263051}, {0.2, 0.0795881}, {0.3, 0.1476075}}) {
    const ToyOptimum found = minimise_relu_loss(polygon_instance(5, 5, 1.1, -0.2, d.density));
    EXPECT_NEAR(found.loss, d.loss, 1e-6 * d.loss + 5e-8) << d.density;
  }
}

// The pentagon is better below a density of 0.2249, two digons above.
TEST(ToyLoss, PentagonGivesWayToDigons) {
  const auto difference = [](double p) {
    return minimise_relu_loss(polygon_instance(5, 5, 1.03, -0.13, p)).loss -
           minimise_relu_loss(digons_instance(5, 2, 2, p)).loss;
  };
  EXPECT_LT(difference(0.2245), 0);
  EXPECT_GT(difference(0.2253), 0);
}

// Optima of two features in one dimension over (w1, w2, b1, b2).
TEST(ToyLoss, OptimaOfTwoFeaturesInOneDimension) {
  struct Case {
    double density, importance, loss;
  };
  for (const Case& c : {Case{0.5, 1, 0.0762824},
                        {0.3, 1, 0.0293103},
                        {0.3, 0.3, 0.0182630},
                        {0.3, 3, 0.0567213},
                        {0.1, 1, 0.0033195},
                        {0.1, 0.1, 0.0017554},
                        {0.03, 1, 0.00029969}}) {
    const ToyOptimum found = minimise_relu_loss(two_in_one(1, -0.9, 0.02, 0.02, c.density, c.importance));
    EXPECT_NEAR(found.loss, c.loss, 1e-6 * c.loss + 1e-7) << c.density << ' ' << c.importance;
  }
}

double one_hot(const ToyInstance& t) { return one_hot_loss(t); }

// One-hot data: pentagon, two digons with a dead feature, hexagon; norms and biases as published with four
// digits.
TEST(ToyLoss, OneHotPolygons) {
  EXPECT_NEAR(one_hot(polygon_instance(5, 5, 1.1705, -0.2823, 1)), 0.0158256, 1e-7);
  EXPECT_NEAR(one_hot(polygon_instance(6, 6, 1.3205, -0.6182, 1)), 0.0481924, 1e-7);
  ToyInstance digons = digons_instance(5, 2, 2, 0.2);  // the dead feature's bias is its mean, 0.1
  EXPECT_NEAR(one_hot(digons), 1.0 / 15 - 1.0 / 100, 1e-12);
  digons.bias[4] = 0;
  EXPECT_NEAR(one_hot(digons), 1.0 / 15, 1e-12);
}

ToyConfig random_config(std::int64_t features, std::int64_t dims, bool relu, float density) {
  ToyConfig c{.features = features, .dims = dims, .relu_output = relu};
  c.density.assign(c.biases(), density), c.importance.assign(c.biases(), 1.0f);
  for (std::size_t i = 0; i < c.importance.size(); ++i) c.importance[i] = 1.0f / static_cast<float>(i + 1);
  return c;
}

// Every set of active features added up against a plain average over many samples.
TEST(ToyLoss, ExactAgreesWithSamples) {
  for (const bool relu : {true, false}) {
    for (const float density : {0.1f, 0.6f, 1.0f}) {
      const ToyConfig c = random_config(7, 3, relu, density);
      ToyWeights w = init_toy_weights(c, 11);
      for (std::size_t i = 0; i < w.bias.size(); ++i) w.bias[i] = 0.1f * static_cast<float>(i) - 0.3f;
      const ToyInstance t = toy_instance(c, w, 0);
      const double exact = relu ? exact_relu_loss(t) : exact_linear_loss(t);
      const ToyLoss sampled = sampled_toy_loss(c, w, 0, 200000, 3);
      EXPECT_NEAR(sampled.value, exact, 3 * sampled.standard_error) << relu << ' ' << density;
      EXPECT_GT(sampled.standard_error, 0);
      EXPECT_TRUE(toy_loss(c, w, 0, 100, 1).exact);
    }
  }
}

// Corners cancel to nothing where coefficients are small: the loss must not notice.
TEST(ToyLoss, SmallCoefficientsDoNotCancel) {
  ToyInstance t{8,
                4,
                std::vector<double>(32),
                std::vector<double>(8, 0.0),
                std::vector<double>(8, 0.3),
                std::vector<double>(8, 1.0)};
  for (std::size_t i = 0; i < 8; ++i) t.w[i / 2 * 8 + i] = i % 2 == 0 ? 1 : -1;
  const double digons = exact_relu_loss(t);
  EXPECT_NEAR(digons, 4 * one_dimension_short(0.3, 1).antipodal, 1e-12);
  for (const double tilt : {1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-9}) {
    ToyInstance tilted = t;
    for (std::size_t i = 0; i < 32; ++i) tilted.w[i] += tilt * std::sin(static_cast<double>(i));
    EXPECT_NEAR(exact_relu_loss(tilted), digons, 20 * tilt) << tilt;
  }
}

TEST(ToyLoss, GradientIsThatOfTheLoss) {
  ToyInstance t{3, 2, {0.9, -0.3, 0.4, 0.2, 0.8, -0.7}, {0.05, -0.1, 0.2}, {0.3, 0.5, 0.2}, {1, 0.7, 0.4}};
  const ToyLossGradient g = exact_relu_loss_gradient(t);
  const auto check = [&](double& number, double gradient) {
    const double before = number, step = 1e-4;
    number = before + step;
    const double above = exact_relu_loss(t);
    number = before - step;
    const double below = exact_relu_loss(t);
    number = before;
    EXPECT_NEAR((above - below) / (2 * step), gradient, 1e-7);
  };
  for (std::size_t i = 0; i < t.w.size(); ++i) check(t.w[i], g.w[i]);
  for (std::size_t i = 0; i < t.bias.size(); ++i) check(t.bias[i], g.bias[i]);
}

TEST(ToyLoss, RefusesWhatWouldTakeForever) {
  const ToyConfig c = random_config(15, 3, true, 0.5f);
  const ToyWeights w = init_toy_weights(c, 1);
  EXPECT_THROW(exact_relu_loss(toy_instance(c, w, 0)), Error);
  EXPECT_FALSE(toy_loss(c, w, 0, 100, 1).exact);
  EXPECT_THROW(sampled_toy_loss(c, w, 0, 1, 1), Error);
}

// Four features of density p, the fifth p rho: below rho = 0.2691 at p = 0.05 two digons are better than the
// deformed pentagon.
TEST(ToyLoss, ASparserFifthFeatureCollapsesThePentagon) {
  const auto losses = [](double ratio) {
    ToyInstance pentagon = polygon_instance(5, 5, 1.13, -0.25, 0.05), digons = digons_instance(5, 2, 2, 0.05);
    pentagon.density[4] = digons.density[4] = 0.05 * ratio;
    digons.bias[4] = digons.density[4] / 2;
    return std::pair{minimise_relu_loss(pentagon).loss, minimise_relu_loss(digons).loss};
  };
  const auto low = losses(0.25), high = losses(0.30);
  EXPECT_NEAR(low.first, 0.0059636, 1e-7);
  EXPECT_NEAR(low.second, 0.0057913, 1e-7);
  EXPECT_NEAR(high.first, 0.0063091, 1e-7);
  EXPECT_NEAR(high.second, 0.0066074, 1e-7);
}

}  // namespace
}  // namespace polysem
