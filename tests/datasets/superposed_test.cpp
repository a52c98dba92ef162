#include "polysem/superposed.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "polysem/error.hpp"

using polysem::Superposed;
using polysem::SuperposedConfig;
using polysem::TrueCodes;

namespace {

SuperposedConfig small() {
  SuperposedConfig config;
  config.features = 20;
  config.dim = 3;
  config.active = 4;
  config.zipf = 0.5;
  config.seed = 7;
  return config;
}

std::vector<float> row_of(const SuperposedConfig& config, std::int64_t row) {
  std::vector<float> x(static_cast<std::size_t>(config.dim));
  TrueCodes codes;
  Superposed(config).row(row, x, codes);
  return x;
}

// Row 5 of small(), by a Philox and a generator written separately in Python from the formulas in the
// headers.
TEST(Superposed, RowAgreesWithAnotherImplementation) {
  SuperposedConfig config = small();
  const Superposed data(config);
  EXPECT_FLOAT_EQ(data.dictionary()[0], 0.8331390619277954F);
  EXPECT_FLOAT_EQ(data.dictionary()[2], 0.427008718252182F);
  std::vector<float> x(3);
  TrueCodes codes;
  data.row(5, x, codes);
  EXPECT_EQ(codes.row_offsets, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(codes.latents, (std::vector<std::int32_t>{3, 11}));
  EXPECT_FLOAT_EQ(codes.values[0], 1.2386122940970825F);
  EXPECT_FLOAT_EQ(codes.values[1], 1.305382490158081F);
  EXPECT_NEAR(x[0], 0.039707148973526785, 1e-7);
  EXPECT_NEAR(x[1], 0.18353700637332415, 1e-7);
  EXPECT_NEAR(x[2], -1.2433530092499225, 1e-6);
  config.noise = 0.25F;
  const std::vector<float> noisy = row_of(config, 5);
  EXPECT_NEAR(noisy[0], 0.10601426899868471, 1e-7);
  EXPECT_NEAR(noisy[1], -0.17932006717213178, 1e-7);
  EXPECT_NEAR(noisy[2], -1.6056065559647053, 1e-6);
}

TEST(Superposed, RowsDoNotDependOnTheirOrder) {
  const Superposed data(small());
  TrueCodes all, one;
  std::vector<float> x(3), y(3);
  for (std::int64_t row = 0; row <= 30; ++row) data.row(row, x, all);
  data.row(30, y, one);
  EXPECT_EQ(x, y);
  ASSERT_GT(all.row_offsets[31] - all.row_offsets[30], 0);
  EXPECT_EQ(all.row_offsets[31] - all.row_offsets[30], one.row_offsets[1]);
  EXPECT_EQ(all.values.back(), one.values.back());
}

TEST(Superposed, FrequenciesAndMagnitudesAreAsAsked) {
  SuperposedConfig config = small();
  config.noise = 2;
  const Superposed data(config);
  constexpr int kRows = 40000;
  std::vector<double> fired(20);
  TrueCodes codes;
  std::vector<float> x(3);
  double noise = 0;
  for (int row = 0; row < kRows; ++row) {
    data.row(row, x, codes);
    double clean = 0;
    for (auto i = codes.row_offsets[row]; i < codes.row_offsets[row + 1]; ++i) {
      clean += codes.values[i] * data.dictionary()[3 * codes.latents[i]];
    }
    noise += (x[0] - clean) * (x[0] - clean);
  }
  double sum = 0;
  for (std::size_t i = 0; i < codes.latents.size(); ++i) {
    fired[codes.latents[i]] += 1;
    sum += codes.values[i];
    ASSERT_GE(codes.values[i], 0.5F);
    ASSERT_LT(codes.values[i], 1.5F);
  }
  double expected = 0;
  for (int feature = 0; feature < 20; ++feature) {
    const double p = data.probabilities()[feature];
    expected += p;
    EXPECT_NEAR(fired[feature] / kRows, p, 5 * std::sqrt(p * (1 - p) / kRows)) << feature;
  }
  EXPECT_NEAR(expected, 4, 1e-12);
  EXPECT_NEAR(data.probabilities()[0] / data.probabilities()[3], 2, 1e-12);  // (4/1)^0.5
  const auto n = static_cast<double>(codes.values.size());
  EXPECT_NEAR(sum / n, 1, 5 * std::sqrt(1 / 12.0 / n));
  EXPECT_NEAR(noise / kRows, 4, 5 * 4 * std::sqrt(2.0 / kRows));
}

TEST(Superposed, DirectionsAreUnitAndSpread) {
  SuperposedConfig config;
  config.features = 2000;
  config.dim = 16;
  const Superposed data(config);
  std::vector<double> mean(16);
  for (int feature = 0; feature < 2000; ++feature) {
    double squares = 0;
    for (int d = 0; d < 16; ++d) {
      const double value = data.dictionary()[16 * feature + d];
      squares += value * value;
      mean[d] += value / 2000;
    }
    EXPECT_NEAR(squares, 1, 1e-6);
  }
  for (const double value : mean) EXPECT_NEAR(value, 0, 5 * std::sqrt(1 / 16.0 / 2000));
}

TEST(Superposed, SeedsDiffer) {
  SuperposedConfig other = small();
  other.seed = 8;
  EXPECT_NE(row_of(small(), 0), row_of(other, 0));
}

TEST(Superposed, RefusesWhatMakesNoSense) {
  const auto refused = [](void (*change)(SuperposedConfig&)) {
    SuperposedConfig config = small();
    change(config);
    EXPECT_THROW(Superposed{config}, polysem::Error);
  };
  refused([](SuperposedConfig& c) { c.features = 0; });
  refused([](SuperposedConfig& c) { c.dim = -1; });
  refused([](SuperposedConfig& c) { c.features = c.dim = std::int64_t{1} << 40; });
  refused([](SuperposedConfig& c) { c.active = 21; });
  refused([](SuperposedConfig& c) { c.active = 0; });
  refused([](SuperposedConfig& c) { c.zipf = 5; });  // the first feature would fire more than always
  refused([](SuperposedConfig& c) { c.zipf = NAN; });
  refused([](SuperposedConfig& c) { c.smallest = 2; });
  refused([](SuperposedConfig& c) { c.noise = -1; });
  SuperposedConfig always = small();
  always.active = 20;
  always.zipf = 0;
  std::vector<float> x(3);
  TrueCodes codes;
  Superposed(always).row(0, x, codes);
  EXPECT_EQ(codes.latents.size(), 20u);
  EXPECT_THROW(Superposed(always).row(-1, x, codes), polysem::Error);
}

}  // namespace
