#include <gtest/gtest.h>

#include "tests/core/test_model.hpp"

namespace polysem::core::testing {
namespace {

/// f' of one latent by the definition in core.h.
double edited(const polysem_edit& edit, double f) {
  const double value = edit.value;
  switch (edit.kind) {
    case POLYSEM_SET:
      return value;
    case POLYSEM_SCALE:
      return value * f;
    case POLYSEM_ADD:
      return f + value;
    case POLYSEM_CAP:
      return std::min(f, value);
    case POLYSEM_FLOOR:
      return std::max(f, value);
    case POLYSEM_ABLATE:
      return 0;
  }
  return f;
}

class CoreEdit : public ::testing::Test {
 protected:
  static Shape shape(polysem_activation activation) {
    Shape s{.d_in = 30, .d_out = 30, .latents = 60, .activation = activation};
    s.k = activation == POLYSEM_TOPK ? 20 : 0;
    s.decoder = POLYSEM_INT8;
    s.subtract = true;
    s.input_scale = 0.5f, s.output_scale = 2;
    return s;
  }

  std::vector<float> encode(const Opened& opened, const std::vector<float>& x) {
    std::vector<float> f(opened.model.latents);
    EXPECT_EQ(
        polysem_encode(opened.state, polysem_one(x.data(), x.size()), polysem_one_out(f.data(), f.size())),
        POLYSEM_OK);
    return f;
  }

  polysem_status apply(const Opened& opened, const std::vector<float>& x,
                       const std::vector<polysem_edit>& edits, std::vector<float>& y) {
    return polysem_apply_edits(opened.state, polysem_one(x.data(), x.size()), edits.data(), edits.size(),
                               polysem_one_out(y.data(), y.size()));
  }
};

TEST_F(CoreEdit, MovesTheOutputAlongTheDecoder) {
  for (const polysem_activation activation : {POLYSEM_JUMPRELU, POLYSEM_TOPK, POLYSEM_GATED}) {
    const TestModel model = make_model(shape(activation));
    const Opened opened(model.file());
    const auto x = Numbers(3).vector(30);
    const auto f = encode(opened, x);
    for (int kind = POLYSEM_SET; kind <= POLYSEM_ABLATE; ++kind) {
      // An active latent, one that is not, and one that is edited twice.
      const auto active = static_cast<std::uint32_t>(std::max_element(f.begin(), f.end()) - f.begin());
      const auto idle = static_cast<std::uint32_t>(std::find(f.begin(), f.end(), 0.0f) - f.begin());
      const auto k = static_cast<std::uint32_t>(kind);
      const std::vector<polysem_edit> edits = {
          {active, k, 0.5f}, {idle, k, 0.25f}, {17, k, 2}, {17, POLYSEM_ADD, -0.75f}};
      std::vector<double> expected(30), size(30, 1);
      for (const std::uint32_t latent : {active, idle, 17u}) {
        double after = f[latent];
        for (const polysem_edit& edit : edits)
          if (edit.latent == latent) after = edited(edit, after);
        for (std::uint32_t j = 0; j < 30; ++j) {
          const double change = 2 * (after - f[latent]) * model.decoder.values[latent * 30 + j];
          expected[j] += change;
          size[j] += std::abs(change);
        }
      }
      const auto y = Numbers(4).vector(30);
      auto edited_y = y;
      ASSERT_EQ(apply(opened, x, edits, edited_y), POLYSEM_OK);
      for (std::size_t j = 0; j < 30; ++j)
        EXPECT_NEAR(edited_y[j], y[j] + expected[j], 1e-6 * size[j]) << kind << ", " << j;
    }
  }
}

TEST_F(CoreEdit, WhatChangesNothingKeepsEveryBit) {
  const Opened opened(make_model(shape(POLYSEM_JUMPRELU)).file());
  auto x = Numbers(3).vector(30);
  x[4] = -0.0f;  // would turn into +0 if a zero were added
  const auto f = encode(opened, x);
  std::vector<polysem_edit> edits;
  for (std::uint32_t i = 0; i < 60; ++i) {
    edits.push_back({i, POLYSEM_SCALE, 1});
    edits.push_back({i, POLYSEM_CAP, 1e30f});
    edits.push_back({i, POLYSEM_FLOOR, 0});
    edits.push_back({i, POLYSEM_SET, f[i]});
    if (f[i] == 0) edits.push_back({i, POLYSEM_ABLATE, NAN});
  }
  auto y = x;
  ASSERT_EQ(apply(opened, x, edits, y), POLYSEM_OK);
  EXPECT_EQ(std::memcmp(x.data(), y.data(), 30 * sizeof(float)), 0);
  ASSERT_EQ(apply(opened, x, {}, y), POLYSEM_OK);
  EXPECT_EQ(std::memcmp(x.data(), y.data(), 30 * sizeof(float)), 0);
}

// In place: x + (edited reconstruction) = reconstruction with the edit + the error of the clean one.
TEST_F(CoreEdit, KeepsWhatTheCoderDoesNotExplain) {
  const Opened opened(make_model(shape(POLYSEM_JUMPRELU)).file());
  const auto x = Numbers(5).vector(30);
  auto f = encode(opened, x);
  std::vector<float> error(30), decoded(30), y = x;
  const polysem_in in = polysem_one(x.data(), 30);
  ASSERT_EQ(polysem_error_term(opened.state, in, in, polysem_one_out(error.data(), 30)), POLYSEM_OK);
  const auto active = static_cast<std::uint32_t>(std::max_element(f.begin(), f.end()) - f.begin());
  ASSERT_EQ(polysem_apply_edits(opened.state, polysem_one(y.data(), 30),
                                std::vector<polysem_edit>{{active, POLYSEM_ABLATE, 0}}.data(), 1,
                                polysem_one_out(y.data(), 30)),
            POLYSEM_OK);
  f[active] = 0;
  std::vector<std::uint32_t> latents(60);
  for (std::uint32_t i = 0; i < 60; ++i) latents[i] = i;
  std::uint32_t count = 60;
  const polysem_codes codes = {latents.data(), f.data(), &count, 1, 60};
  ASSERT_EQ(polysem_decode(opened.state, &codes, polysem_one_out(decoded.data(), 30)), POLYSEM_OK);
  for (std::size_t j = 0; j < 30; ++j)
    EXPECT_NEAR(y[j], decoded[j] + error[j], 2e-6 * std::abs(y[j]) + 1e-5) << j;
  EXPECT_NE(y, x);
}

TEST_F(CoreEdit, TheSkipConnectionIsLeftAlone) {
  Shape with = shape(POLYSEM_RELU);
  with.subtract = false, with.d_out = 12, with.skip = true;
  TestModel model = make_model(with);
  const Opened skipping(model.file());
  model.skip.clear();
  const Opened plain(model.file());
  const auto x = Numbers(6).vector(30);
  std::vector<float> a(12), b(12);
  const std::vector<polysem_edit> edits = {{3, POLYSEM_ADD, 1}, {4, POLYSEM_ABLATE, 0}};
  ASSERT_EQ(apply(skipping, x, edits, a), POLYSEM_OK);
  ASSERT_EQ(apply(plain, x, edits, b), POLYSEM_OK);
  EXPECT_EQ(a, b);
}

TEST_F(CoreEdit, BadInput) {
  const Opened opened(make_model(shape(POLYSEM_RELU)).file());
  const auto x = Numbers(7).vector(30);
  auto y = x;
  EXPECT_EQ(apply(opened, x, {{60, POLYSEM_SET, 0}}, y), POLYSEM_BAD_LATENT);
  EXPECT_EQ(apply(opened, x, {{0xffffffff, POLYSEM_SET, 0}}, y), POLYSEM_BAD_LATENT);
  EXPECT_EQ(apply(opened, x, {{1, POLYSEM_SET, NAN}}, y), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(apply(opened, x, {{1, POLYSEM_ADD, INFINITY}}, y), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(apply(opened, x, {{1, 6, 1}}, y), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(
      polysem_apply_edits(opened.state, polysem_one(x.data(), 30), nullptr, 1, polysem_one_out(y.data(), 30)),
      POLYSEM_BAD_ARGUMENT);
  std::vector<float> small(29);
  EXPECT_EQ(apply(opened, x, {{1, POLYSEM_SET, 1}}, small), POLYSEM_BUFFER_TOO_SMALL);
  EXPECT_EQ(y, x);
  auto broken = x;
  broken[3] = NAN;
  EXPECT_EQ(apply(opened, broken, {{1, POLYSEM_SET, 1}}, y), POLYSEM_NON_FINITE);
  EXPECT_EQ(apply(opened, x, {{1, POLYSEM_ADD, 3e38f}, {1, POLYSEM_SCALE, 3e38f}}, y), POLYSEM_NON_FINITE);
  EXPECT_EQ(y, x);
}

}  // namespace
}  // namespace polysem::core::testing
