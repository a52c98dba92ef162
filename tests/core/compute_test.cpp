#include <gtest/gtest.h>

#include "tests/core/test_model.hpp"

// Encode, decode, reconstruct and the error term against plain sums in double.
namespace polysem::core::testing {
namespace {

std::vector<float> input_of(const TestModel& model, std::uint32_t seed, std::size_t positions = 1) {
  return Numbers(seed).vector(positions * model.shape.d_in);
}

void expect_codes(const TestModel& model, const float* x, const float* f, double looser = 1) {
  std::vector<bool> unsure;
  std::vector<double> tolerance;
  const auto expected = model.encode(x, &unsure, &tolerance);
  std::uint32_t active = 0, open = 0;
  for (std::uint32_t i = 0; i < model.shape.latents; ++i) {
    active += f[i] != 0;
    open += unsure[i];
    if (!unsure[i]) {
      ASSERT_NEAR(f[i], expected[i], looser * tolerance[i]) << "latent " << i;
      ASSERT_EQ(f[i] != 0, expected[i] != 0) << "latent " << i;
    }
  }
  if (model.shape.latents >= 50) {
    EXPECT_GT(active, 0u);
  }
  EXPECT_LE(open, model.shape.latents / 4 + 1);
}

std::vector<Shape> shapes() {
  std::vector<Shape> list;
  const std::uint32_t widths[] = {1, 15, 32, 33, 100, 576};
  for (int dtype = POLYSEM_F32; dtype <= POLYSEM_INT4; ++dtype)
    for (int activation = POLYSEM_RELU; activation <= POLYSEM_GATED; ++activation) {
      Shape shape;
      shape.d_in = widths[(dtype * 5 + activation) % 6], shape.d_out = widths[(dtype + activation * 5) % 6];
      shape.latents = 70 + static_cast<std::uint32_t>(dtype) * 29;
      shape.activation = static_cast<polysem_activation>(activation);
      shape.encoder = static_cast<polysem_dtype>(dtype),
      shape.decoder = static_cast<polysem_dtype>((dtype + 1) % 5);
      shape.k = activation == POLYSEM_TOPK ? 7 : 0;
      shape.subtract = activation % 2 == 0, shape.skip = activation >= 2;
      if (shape.subtract) shape.d_out = shape.d_in;
      shape.input_scale = dtype % 2 == 0 ? 1.0f : 0.75f, shape.output_scale = 1 / shape.input_scale;
      list.push_back(shape);
    }
  return list;
}

std::string name(const Shape& s) {
  return "encoder " + std::to_string(s.encoder) + ", activation " + std::to_string(s.activation) + ", d_in " +
         std::to_string(s.d_in);
}

TEST(CoreCompute, EncodesAll) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(name(shape));
    const TestModel model = make_model(shape);
    const Opened opened(model.file());
    ASSERT_EQ(opened.status, POLYSEM_OK);
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
      const auto x = input_of(model, seed);
      std::vector<float> f(model.shape.latents, NAN);
      ASSERT_EQ(
          polysem_encode(opened.state, polysem_one(x.data(), x.size()), polysem_one_out(f.data(), f.size())),
          POLYSEM_OK);
      expect_codes(model, x.data(), f.data());
    }
  }
}

TEST(CoreCompute, AListAndTheSparseCodesAreTheSameBits) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(name(shape));
    const TestModel model = make_model(shape);
    const Opened opened(model.file());
    const auto x = input_of(model, 4);
    const polysem_in in = polysem_one(x.data(), x.size());
    std::vector<float> all(model.shape.latents);
    ASSERT_EQ(polysem_encode(opened.state, in, polysem_one_out(all.data(), all.size())), POLYSEM_OK);
    const std::vector<std::uint32_t> list = {5, 0, model.shape.latents - 1, 5, 33};
    std::vector<float> some(list.size());
    ASSERT_EQ(polysem_encode_list(opened.state, in, list.data(), list.size(),
                                  polysem_one_out(some.data(), some.size())),
              POLYSEM_OK);
    for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(some[i], all[list[i]]);

    std::vector<std::uint32_t> latents(all.size());
    std::vector<float> values(all.size());
    std::uint32_t count = 0;
    polysem_codes codes = {latents.data(), values.data(), &count, 1, all.size()};
    ASSERT_EQ(polysem_encode_sparse(opened.state, in, &codes), POLYSEM_OK);
    std::vector<float> dense(all.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i > 0) {
        EXPECT_LT(latents[i - 1], latents[i]);
      }
      EXPECT_GT(values[i], 0);
      dense[latents[i]] = values[i];
    }
    EXPECT_EQ(dense, all);
  }
}

TEST(CoreCompute, FewerCodesAreTheLargest) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(name(shape));
    const TestModel model = make_model(shape);
    const Opened opened(model.file());
    const auto x = input_of(model, 5);
    const polysem_in in = polysem_one(x.data(), x.size());
    std::vector<float> all(model.shape.latents);
    ASSERT_EQ(polysem_encode(opened.state, in, polysem_one_out(all.data(), all.size())), POLYSEM_OK);
    std::vector<std::uint32_t> order(all.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return all[a] > all[b]; });
    for (const std::size_t capacity :
         {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{16}}) {
      std::vector<std::uint32_t> latents(capacity + 1), expected;
      std::vector<float> values(capacity + 1);
      std::uint32_t count = 99;
      polysem_codes codes = {latents.data(), values.data(), &count, 1, capacity};
      ASSERT_EQ(polysem_encode_sparse(opened.state, in, &codes), POLYSEM_OK);
      for (std::size_t i = 0; i < capacity && all[order[i]] > 0; ++i) expected.push_back(order[i]);
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(count, expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(latents[i], expected[i]);
        EXPECT_EQ(values[i], all[expected[i]]);
      }
    }
  }
}

TEST(CoreCompute, Decodes) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(name(shape));
    const TestModel model = make_model(shape);
    const Opened opened(model.file());
    Numbers numbers(6);
    std::vector<std::uint32_t> latents;
    std::vector<float> values;
    std::vector<double> f(model.shape.latents);
    for (std::uint32_t i = numbers.next() % 9; i < model.shape.latents; i += 1 + numbers.next() % 9) {
      latents.push_back(i);
      values.push_back(numbers.number());
      f[i] = values.back();
    }
    auto count = static_cast<std::uint32_t>(latents.size());
    const polysem_codes codes = {latents.data(), values.data(), &count, 1, latents.size()};
    std::vector<float> y(model.shape.d_out, NAN);
    ASSERT_EQ(polysem_decode(opened.state, &codes, polysem_one_out(y.data(), y.size())), POLYSEM_OK);
    std::vector<double> tolerance;
    const auto expected = model.decode(f, &tolerance);
    for (std::size_t j = 0; j < y.size(); ++j) ASSERT_NEAR(y[j], expected[j], tolerance[j]) << j;
  }
}

/// The reconstruction in double from the library's own activations, so that a close call of a threshold is
/// not an error here.
std::vector<double> reconstruction(const TestModel& model, const Opened& opened, const float* x,
                                   std::vector<double>& tolerance) {
  std::vector<float> f(model.shape.latents);
  EXPECT_EQ(
      polysem_encode(opened.state, polysem_one(x, model.shape.d_in), polysem_one_out(f.data(), f.size())),
      POLYSEM_OK);
  auto y = model.decode({f.begin(), f.end()}, &tolerance);
  model.add_skip(x, y);
  return y;
}

TEST(CoreCompute, ReconstructsAndTellsTheError) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(name(shape));
    const TestModel model = make_model(shape);
    const Opened opened(model.file());
    const auto x = input_of(model, 7);
    const auto target = Numbers(8).vector(model.shape.d_out);
    std::vector<double> tolerance;
    const auto expected = reconstruction(model, opened, x.data(), tolerance);
    std::vector<float> y(model.shape.d_out, NAN), e = y;
    const polysem_in in = polysem_one(x.data(), x.size());
    ASSERT_EQ(polysem_reconstruct(opened.state, in, polysem_one_out(y.data(), y.size())), POLYSEM_OK);
    ASSERT_EQ(polysem_error_term(opened.state, in, polysem_one(target.data(), target.size()),
                                 polysem_one_out(e.data(), e.size())),
              POLYSEM_OK);
    for (std::size_t j = 0; j < y.size(); ++j) {
      ASSERT_NEAR(y[j], expected[j], 4 * tolerance[j]) << j;
      ASSERT_EQ(e[j], target[j] - y[j]) << j;
    }
  }
}

TEST(CoreCompute, ABatchOfAnySizeComesOutTheSame) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(name(shape));
    const TestModel model = make_model(shape);
    for (const std::size_t batch : {std::size_t{2}, std::size_t{33}, std::size_t{100}}) {
      polysem_config config = {};
      config.batch = batch;
      const Opened opened(model.file(), &config);
      ASSERT_EQ(opened.status, POLYSEM_OK);
      for (const std::size_t positions : {std::size_t{2}, std::size_t{40}, std::size_t{67}}) {
        const auto x = input_of(model, 9, positions);
        std::vector<float> f(positions * model.shape.latents, NAN);
        ASSERT_EQ(polysem_encode(opened.state, polysem_many(x.data(), positions, model.shape.d_in),
                                 polysem_many_out(f.data(), positions, model.shape.latents)),
                  POLYSEM_OK);
        for (std::size_t p = 0; p < positions; p += 3)
          expect_codes(model, x.data() + p * model.shape.d_in, f.data() + p * model.shape.latents, 4);
      }
    }
  }
}

TEST(CoreVectors, StridesAreFollowed) {
  Shape shape{.d_in = 20, .d_out = 20, .latents = 50, .activation = POLYSEM_JUMPRELU, .subtract = true};
  const TestModel model = make_model(shape);
  const Opened opened(model.file());
  const std::size_t positions = 5;
  const auto x = input_of(model, 10, positions);
  std::vector<float> f(positions * 50), y(positions * 20);
  ASSERT_EQ(polysem_encode(opened.state, polysem_many(x.data(), positions, 20),
                           polysem_many_out(f.data(), positions, 50)),
            POLYSEM_OK);
  ASSERT_EQ(polysem_reconstruct(opened.state, polysem_many(x.data(), positions, 20),
                                polysem_many_out(y.data(), positions, 20)),
            POLYSEM_OK);
  // The same, with positions as the inner index: [d, positions].
  std::vector<float> turned_x(x.size()), turned_f(f.size() + 1, 7), turned_y(y.size() + 1, 7);
  for (std::size_t p = 0; p < positions; ++p)
    for (std::size_t i = 0; i < 20; ++i) turned_x[i * positions + p] = x[p * 20 + i];
  const polysem_in in = {turned_x.data(), turned_x.size(), positions, 1, positions};
  ASSERT_EQ(polysem_encode(opened.state, in, {turned_f.data(), f.size(), positions, 1, positions}),
            POLYSEM_OK);
  ASSERT_EQ(polysem_reconstruct(opened.state, in, {turned_y.data(), y.size(), positions, 1, positions}),
            POLYSEM_OK);
  for (std::size_t p = 0; p < positions; ++p) {
    for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(turned_f[i * positions + p], f[p * 50 + i]);
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(turned_y[i * positions + p], y[p * 20 + i]);
  }
  EXPECT_EQ(turned_f.back(), 7);
  EXPECT_EQ(turned_y.back(), 7);
}

TEST(CoreVectors, BuffersTooSmallAreRefused) {
  Shape shape{.d_in = 20, .d_out = 10, .latents = 50, .skip = true};
  const TestModel model = make_model(shape);
  const Opened opened(model.file());
  const std::vector<float> x(60);
  std::vector<float> out(100, 7);
  const polysem_in good = polysem_one(x.data(), 20);
  const auto encode = [&](polysem_in in, polysem_out f) { return polysem_encode(opened.state, in, f); };
  EXPECT_EQ(encode(good, polysem_one_out(out.data(), 50)), POLYSEM_OK);
  EXPECT_EQ(encode(polysem_one(x.data(), 19), polysem_one_out(out.data(), 50)), POLYSEM_BUFFER_TOO_SMALL);
  EXPECT_EQ(encode(good, polysem_one_out(out.data(), 49)), POLYSEM_BUFFER_TOO_SMALL);
  EXPECT_EQ(encode({x.data(), 58, 1, 0, 3}, polysem_one_out(out.data(), 50)), POLYSEM_OK);
  EXPECT_EQ(encode({x.data(), 57, 1, 0, 3}, polysem_one_out(out.data(), 50)), POLYSEM_BUFFER_TOO_SMALL);
  const std::size_t huge = ~std::size_t{0};
  for (const std::size_t stride : {huge, huge / 2, huge / 19 + 1, (huge >> 1) + 1}) {
    EXPECT_EQ(encode({x.data(), 60, 1, 0, stride}, polysem_one_out(out.data(), 50)),
              POLYSEM_BUFFER_TOO_SMALL);
    EXPECT_EQ(encode({x.data(), 60, 2, stride, 1}, {out.data(), 100, 2, 50, 1}), POLYSEM_BUFFER_TOO_SMALL);
    EXPECT_EQ(encode({x.data(), 60, huge, 1, 1}, {out.data(), 100, huge, 0, 1}), POLYSEM_BUFFER_TOO_SMALL);
  }
  EXPECT_EQ(encode(good, {out.data(), 100, 2, 50, 1}), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(encode({nullptr, 20, 1, 0, 1}, polysem_one_out(out.data(), 50)), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(encode(good, polysem_one_out(nullptr, 50)), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(polysem_reconstruct(opened.state, good, polysem_one_out(out.data(), 9)),
            POLYSEM_BUFFER_TOO_SMALL);
  EXPECT_EQ(polysem_error_term(opened.state, good, polysem_one(x.data(), 9), polysem_one_out(out.data(), 10)),
            POLYSEM_BUFFER_TOO_SMALL);
  EXPECT_EQ(polysem_encode(nullptr, good, polysem_one_out(out.data(), 50)), POLYSEM_BAD_ARGUMENT);
  const std::uint32_t beyond = 50;
  EXPECT_EQ(polysem_encode_list(opened.state, good, &beyond, 1, polysem_one_out(out.data(), 1)),
            POLYSEM_BAD_LATENT);
}

TEST(CoreVectors, WrongCodesAreRefused) {
  const Opened opened(make_model({.d_in = 20, .d_out = 10, .latents = 50}).file());
  std::vector<float> y(10, 7);
  const auto decode = [&](std::vector<std::uint32_t> latents, std::vector<float> values,
                          std::uint32_t count) {
    const polysem_codes codes = {latents.data(), values.data(), &count, 1, latents.size()};
    return polysem_decode(opened.state, &codes, polysem_one_out(y.data(), y.size()));
  };
  EXPECT_EQ(decode({3, 2}, {1, 1}, 2), POLYSEM_BAD_LATENT);
  EXPECT_EQ(decode({3, 3}, {1, 1}, 2), POLYSEM_BAD_LATENT);
  EXPECT_EQ(decode({3, 50}, {1, 1}, 2), POLYSEM_BAD_LATENT);
  EXPECT_EQ(decode({3, 4}, {1, 1}, 3), POLYSEM_BUFFER_TOO_SMALL);
  EXPECT_EQ(y, std::vector<float>(10, 7));
  EXPECT_EQ(decode({3, 4}, {1, NAN}, 2), POLYSEM_NON_FINITE);
  EXPECT_EQ(y, std::vector<float>(10, 0));
  EXPECT_EQ(decode({3, 50}, {1, 1}, 1), POLYSEM_OK);
}

TEST(CoreVectors, OnlyThePositionThatIsNotFiniteIsSkipped) {
  for (const std::size_t batch : {0, 8})
    for (const polysem_activation activation : {POLYSEM_RELU, POLYSEM_TOPK, POLYSEM_GATED}) {
      Shape shape{.d_in = 20, .d_out = 20, .latents = 50, .activation = activation};
      shape.k = activation == POLYSEM_TOPK ? 5 : 0;
      const TestModel model = make_model(shape);
      polysem_config config = {};
      config.batch = batch;
      const Opened opened(model.file(), &config);
      // NaN, infinity, and a finite input whose products are not.
      auto x = input_of(model, 11, 6);
      x[1 * 20 + 19] = NAN;
      x[3 * 20] = -INFINITY;
      for (std::size_t i = 0; i < 20; ++i) x[4 * 20 + i] = i % 2 == 0 ? 3e38f : -3e38f;
      std::vector<float> f(6 * 50, 7), y(6 * 20, 7);
      const polysem_in in = polysem_many(x.data(), 6, 20);
      EXPECT_EQ(polysem_encode(opened.state, in, polysem_many_out(f.data(), 6, 50)), POLYSEM_NON_FINITE);
      for (const std::size_t p : {1, 3, 4})
        for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(f[p * 50 + i], 0);
      for (const std::size_t p : {0, 2, 5}) expect_codes(model, x.data() + p * 20, f.data() + p * 50, 4);
      polysem_counters counters;
      ASSERT_EQ(polysem_get_counters(opened.state, &counters), POLYSEM_OK);
      EXPECT_EQ(counters.non_finite, 3u);
      EXPECT_EQ(polysem_reconstruct(opened.state, in, polysem_many_out(y.data(), 6, 20)), POLYSEM_NON_FINITE);
      for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(y[3 * 20 + i], 0);
      for (std::size_t i = 0; i < 6 * 20; ++i) EXPECT_TRUE(std::isfinite(y[i]));
    }
}

TEST(CoreTopK, OfEqualOnesTheFirstWins) {
  Shape shape{.d_in = 4, .d_out = 4, .latents = 300, .activation = POLYSEM_TOPK, .k = 10};
  TestModel model = make_model(shape);
  // Every pre-activation is its bias: 1 everywhere, and 2 at three places.
  std::fill(model.encoder.bytes.begin(), model.encoder.bytes.end(), static_cast<unsigned char>(0));
  std::fill(model.encoder_bias.begin(), model.encoder_bias.end(), 1.0f);
  for (const std::size_t large : {100, 200, 299}) model.encoder_bias[large] = 2;
  polysem_config config = {};
  config.batch = 4;
  const Opened opened(model.file(), &config);
  const std::vector<float> x(8);
  std::vector<float> f(600);
  for (const std::size_t positions : {1, 2}) {
    ASSERT_EQ(polysem_encode(opened.state, polysem_many(x.data(), positions, 4),
                             polysem_many_out(f.data(), positions, 300)),
              POLYSEM_OK);
    std::vector<std::size_t> active;
    for (std::size_t i = 0; i < 300; ++i)
      if (f[i] != 0) active.push_back(i);
    EXPECT_EQ(active, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 100, 200, 299}));
  }
}

}  // namespace
}  // namespace polysem::core::testing
