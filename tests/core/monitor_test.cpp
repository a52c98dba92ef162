#include <gtest/gtest.h>

#include "tests/core/test_model.hpp"

namespace polysem::core::testing {
namespace {

/// A coder of three numbers whose latent i is ReLU(x_i), so that a test says what the latents do.
TestModel eye() {
  TestModel model = make_model({.d_in = 3, .d_out = 3, .latents = 3});
  std::fill(model.encoder.bytes.begin(), model.encoder.bytes.end(), static_cast<unsigned char>(0));
  const float one = 1;
  for (std::size_t i = 0; i < 3; ++i) std::memcpy(model.encoder.bytes.data() + i * 32 * 4 + i * 4, &one, 4);
  std::fill(model.encoder_bias.begin(), model.encoder_bias.end(), 0.0f);
  return model;
}

struct Monitor {
  std::vector<polysem_watch> watches;
  std::vector<polysem_rule> rules{};
  std::vector<polysem_probe> probes{};

  polysem_config config() const& {
    polysem_config c = {};
    c.watches = watches.data(), c.watch_count = watches.size();
    c.rules = rules.data(), c.rule_count = rules.size();
    c.probes = probes.data(), c.probe_count = probes.size();
    return c;
  }
  polysem_config config() && = delete;  // it would point to what is gone
};

polysem_status observe(const Opened& opened, const std::vector<float>& x,
                       std::vector<polysem_hit>* hits = nullptr) {
  std::vector<polysem_hit> room(100);
  std::size_t count = 0;
  const polysem_status status = polysem_observe(opened.state, polysem_many(x.data(), x.size() / 3, 3),
                                                room.data(), room.size(), &count);
  room.resize(count);
  if (hits != nullptr) *hits = room;
  return status;
}

polysem_reading reading(const Opened& opened, polysem_subject subject, std::size_t index) {
  polysem_reading r = {};
  EXPECT_EQ(polysem_read(opened.state, subject, index, &r), POLYSEM_OK);
  return r;
}

TEST(CoreMonitor, TurnsOnAboveOneThresholdAndOffAtAnother) {
  const Monitor monitor{{{1, 2, 1, 1}}};
  const polysem_config config = monitor.config();
  const Opened opened(eye().file(), &config);
  ASSERT_EQ(opened.status, POLYSEM_OK);
  std::vector<float> x;
  for (const float value : {0.0f, 2.0f, 2.5f, 1.5f, 1.0f, 1.5f, 3.0f, 3.0f}) x.insert(x.end(), {9, value, 9});
  std::vector<polysem_hit> hits;
  ASSERT_EQ(observe(opened, x, &hits), POLYSEM_OK);
  ASSERT_EQ(hits.size(),
            2u);  // 2 is not above 2; 1.5 keeps it on, 1 turns it off, 1.5 does not turn it on again
  EXPECT_EQ(hits[0].position, 2u);
  EXPECT_EQ(hits[0].value, 2.5f);
  EXPECT_EQ(hits[1].position, 6u);
  EXPECT_EQ(hits[1].subject, POLYSEM_WATCH);
  const polysem_reading r = reading(opened, POLYSEM_WATCH, 0);
  EXPECT_EQ(r.hits, 2u);
  EXPECT_EQ(r.active_positions, 4u);
  EXPECT_EQ(r.active, 1u);
  EXPECT_EQ(r.value, 3.0f);
}

TEST(CoreMonitor, SmoothsOverPositions) {
  const Monitor monitor{{{0, 1, 0.5f, 0.25f}}};
  const polysem_config config = monitor.config();
  const Opened opened(eye().file(), &config);
  double v = 0;
  for (const float value : {4.0f, 0.0f, 0.0f, 8.0f, 1.0f}) {
    ASSERT_EQ(observe(opened, {value, 0, 0}), POLYSEM_OK);
    v = 0.25 * value + 0.75 * v;
    EXPECT_NEAR(reading(opened, POLYSEM_WATCH, 0).value, v, 1e-6);
  }
}

TEST(CoreMonitor, RulesCombineWatches) {
  const polysem_term both[] = {{0, 0}, {1, 0}}, one_without[] = {{0, 0}, {1, 1}};
  const Monitor monitor{{{0, 0, 0, 1}, {1, 0, 0, 1}},
                        {{POLYSEM_ALL, both, 2}, {POLYSEM_ANY, both, 2}, {POLYSEM_ALL, one_without, 2}}};
  const polysem_config config = monitor.config();
  const Opened opened(eye().file(), &config);
  ASSERT_EQ(opened.status, POLYSEM_OK);
  for (const bool a : {false, true, false, true})
    for (const bool b : {true, false}) {
      ASSERT_EQ(observe(opened, {a ? 1.0f : 0.0f, b ? 1.0f : 0.0f, 0}), POLYSEM_OK);
      EXPECT_EQ(reading(opened, POLYSEM_RULE, 0).active, a && b);
      EXPECT_EQ(reading(opened, POLYSEM_RULE, 1).active, a || b);
      EXPECT_EQ(reading(opened, POLYSEM_RULE, 2).active, a && !b);
    }
  EXPECT_EQ(reading(opened, POLYSEM_RULE, 0).hits, 2u);
  EXPECT_EQ(reading(opened, POLYSEM_RULE, 1).hits, 3u);  // b, a and b to a alone, and the same again
  EXPECT_EQ(reading(opened, POLYSEM_RULE, 2).hits, 2u);
}

TEST(CoreMonitor, AProbeGivesAProbability) {
  const polysem_weight weights[] = {{0, 1.5f}, {1, -2}};
  const Monitor monitor{{{0, 0, 0, 1}, {2, 0, 0, 1}}, {}, {{weights, 2, -0.5f, 0.9f, 0.5f}}};
  const polysem_config config = monitor.config();
  const Opened opened(eye().file(), &config);
  ASSERT_EQ(opened.status, POLYSEM_OK);
  Numbers numbers(4);
  for (int i = 0; i < 200; ++i) {
    const float scale = i % 10 == 0 ? 200 : 3;
    const float a = scale * numbers.number(), c = scale * numbers.number();
    ASSERT_EQ(observe(opened, {a, 5, c}), POLYSEM_OK);
    const double z = -0.5 + 1.5 * std::max(a, 0.0f) - 2.0 * std::max(c, 0.0f), score = 1 / (1 + std::exp(-z));
    EXPECT_NEAR(reading(opened, POLYSEM_PROBE, 0).value, score, 1e-6 * score + 1e-37) << z;
  }
  EXPECT_GT(reading(opened, POLYSEM_PROBE, 0).hits, 0u);
}

TEST(CoreMonitor, WhatIsNotFiniteChangesNothing) {
  const polysem_term any[] = {{0, 0}};
  const polysem_weight weights[] = {{0, 1}};
  const Monitor monitor{{{0, 1, 1, 0.5f}}, {{POLYSEM_ANY, any, 1}}, {{weights, 1, 0, 0.5f, 0.5f}}};
  const polysem_config config = monitor.config();
  const Opened clean(eye().file(), &config), dirty(eye().file(), &config);
  ASSERT_EQ(observe(clean, {4, 0, 0, 2, 0, 0}), POLYSEM_OK);
  std::vector<polysem_hit> hits;
  ASSERT_EQ(observe(dirty, {NAN, 0, 0, 4, 0, 0, 0, INFINITY, 0, 2, 0, 0, 0, 0, -NAN}, &hits),
            POLYSEM_NON_FINITE);
  for (const polysem_subject subject : {POLYSEM_WATCH, POLYSEM_RULE, POLYSEM_PROBE}) {
    const polysem_reading a = reading(clean, subject, 0), b = reading(dirty, subject, 0);
    EXPECT_EQ(a.value, b.value);
    EXPECT_EQ(a.active, b.active);
    EXPECT_EQ(a.hits, b.hits);
    EXPECT_EQ(a.active_positions, b.active_positions);
  }
  ASSERT_FALSE(hits.empty());
  EXPECT_EQ(hits[0].position, 1u);
  polysem_counters counters;
  ASSERT_EQ(polysem_get_counters(dirty.state, &counters), POLYSEM_OK);
  EXPECT_EQ(counters.positions, 5u);
  EXPECT_EQ(counters.non_finite, 3u);
}

TEST(CoreMonitor, ResetBeginsAgain) {
  const Monitor monitor{{{0, 1, 1, 0.5f}}};
  const polysem_config config = monitor.config();
  const Opened opened(eye().file(), &config);
  ASSERT_EQ(observe(opened, {4, 0, 0}), POLYSEM_OK);
  ASSERT_EQ(polysem_reset(opened.state), POLYSEM_OK);
  EXPECT_EQ(reading(opened, POLYSEM_WATCH, 0).hits, 0u);
  ASSERT_EQ(observe(opened, {4, 0, 0}), POLYSEM_OK);
  EXPECT_EQ(reading(opened, POLYSEM_WATCH, 0).value, 2);
  polysem_counters counters;
  ASSERT_EQ(polysem_get_counters(opened.state, &counters), POLYSEM_OK);
  EXPECT_EQ(counters.positions, 1u);
}

TEST(CoreMonitor, MoreHitsThanRoomAreCounted) {
  const Monitor monitor{{{0, 0, 0, 1}, {1, 0, 0, 1}, {2, 0, 0, 1}}};
  const polysem_config config = monitor.config();
  const Opened opened(eye().file(), &config);
  const std::vector<float> x = {1, 1, 1};
  std::vector<polysem_hit> hits(3, polysem_hit{7, 7, 7, 7});
  std::size_t count = 0;
  ASSERT_EQ(polysem_observe(opened.state, polysem_one(x.data(), 3), hits.data(), 2, &count), POLYSEM_OK);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(hits[1].index, 1u);
  EXPECT_EQ(hits[2].index, 7u);
  ASSERT_EQ(polysem_observe(opened.state, polysem_one(x.data(), 3), nullptr, 0, &count), POLYSEM_OK);
  EXPECT_EQ(count, 0u);
}

TEST(CoreMonitor, WatchesOfATopKCoderSeeTheWholeSelection) {
  TestModel model = eye();
  model.shape.activation = POLYSEM_TOPK, model.shape.k = 1;
  const Monitor monitor{{{0, 0, 0, 1}, {1, 0, 0, 1}}};
  const polysem_config config = monitor.config();
  const Opened opened(model.file(), &config);
  ASSERT_EQ(opened.status, POLYSEM_OK);
  ASSERT_EQ(observe(opened, {1, 2, 0}), POLYSEM_OK);
  EXPECT_EQ(reading(opened, POLYSEM_WATCH, 0).value, 0);
  EXPECT_EQ(reading(opened, POLYSEM_WATCH, 1).value, 2);
}

TEST(CoreMonitor, WrongConfigurationsAreRefused) {
  const TestModel model = eye();
  const Opened opened(model.file());
  const auto status = [&](const Monitor& monitor) {
    const polysem_config config = monitor.config();
    std::size_t bytes;
    return polysem_state_size(&opened.model, &config, &bytes);
  };
  const polysem_watch good = {0, 1, 1, 1};
  EXPECT_EQ(status({{good}}), POLYSEM_OK);
  EXPECT_EQ(status({{{3, 1, 1, 1}}}), POLYSEM_BAD_LATENT);
  EXPECT_EQ(status({{{0, 1, 2, 1}}}), POLYSEM_BAD_WATCH);
  EXPECT_EQ(status({{{0, NAN, 1, 1}}}), POLYSEM_BAD_WATCH);
  EXPECT_EQ(status({{{0, INFINITY, 1, 1}}}), POLYSEM_BAD_WATCH);
  for (const float smoothing : {0.0f, -0.5f, 1.5f, NAN})
    EXPECT_EQ(status({{{0, 1, 1, smoothing}}}), POLYSEM_BAD_ARGUMENT);
  const polysem_term in[] = {{0, 0}}, out[] = {{1, 0}}, odd[] = {{0, 2}};
  EXPECT_EQ(status({{good}, {{POLYSEM_ALL, in, 1}}}), POLYSEM_OK);
  EXPECT_EQ(status({{good}, {{POLYSEM_ALL, out, 1}}}), POLYSEM_BAD_WATCH);
  EXPECT_EQ(status({{good}, {{POLYSEM_ALL, odd, 1}}}), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(status({{good}, {{POLYSEM_ALL, in, 0}}}), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(status({{good}, {{POLYSEM_ALL, in, 65536}}}), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(status({{good}, {{POLYSEM_ALL, nullptr, 1}}}), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(status({{good}, {{2, in, 1}}}), POLYSEM_BAD_ARGUMENT);
  const polysem_weight weight[] = {{0, 1}}, beyond[] = {{1, 1}}, nan[] = {{0, NAN}};
  EXPECT_EQ(status({{good}, {}, {{weight, 1, 0, 0.5f, 0.5f}}}), POLYSEM_OK);
  EXPECT_EQ(status({{good}, {}, {{beyond, 1, 0, 0.5f, 0.5f}}}), POLYSEM_BAD_WATCH);
  EXPECT_EQ(status({{good}, {}, {{nan, 1, 0, 0.5f, 0.5f}}}), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(status({{good}, {}, {{weight, 1, NAN, 0.5f, 0.5f}}}), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(status({{good}, {}, {{weight, 1, 0, 0.5f, 0.6f}}}), POLYSEM_BAD_WATCH);
  polysem_config config = {};
  std::size_t bytes;
  config.watch_count = 65536;
  EXPECT_EQ(polysem_state_size(&opened.model, &config, &bytes), POLYSEM_BAD_ARGUMENT);
  config.watch_count = 1;
  EXPECT_EQ(polysem_state_size(&opened.model, &config, &bytes), POLYSEM_BAD_ARGUMENT);
  config.watch_count = 0;
  for (const std::size_t batch : {~std::size_t{0}, ~std::size_t{0} / 4, ~std::size_t{0} / 12 + 1}) {
    config.batch = batch;
    EXPECT_EQ(polysem_state_size(&opened.model, &config, &bytes), POLYSEM_BAD_ARGUMENT) << batch;
  }
  polysem_reading r;
  EXPECT_EQ(polysem_read(opened.state, POLYSEM_WATCH, 0, &r), POLYSEM_BAD_WATCH);
  EXPECT_EQ(polysem_read(opened.state, static_cast<polysem_subject>(3), 0, &r), POLYSEM_BAD_ARGUMENT);
}

TEST(CoreState, NeedsItsMemoryAligned) {
  const Opened opened(eye().file());
  std::size_t bytes = 0;
  ASSERT_EQ(polysem_state_size(&opened.model, nullptr, &bytes), POLYSEM_OK);
  Aligned memory(bytes + 64);
  polysem_state* state;
  EXPECT_EQ(polysem_state_init(&opened.model, nullptr, memory.data(), bytes - 1, &state),
            POLYSEM_BUFFER_TOO_SMALL);
  EXPECT_EQ(polysem_state_init(&opened.model, nullptr, memory.data() + 4, bytes, &state),
            POLYSEM_BAD_ALIGNMENT);
  EXPECT_EQ(polysem_state_init(&opened.model, nullptr, nullptr, bytes, &state), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(polysem_state_init(nullptr, nullptr, memory.data(), bytes, &state), POLYSEM_BAD_ARGUMENT);
  const polysem_model closed = {};
  EXPECT_EQ(polysem_state_init(&closed, nullptr, memory.data(), bytes, &state), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(polysem_state_init(&opened.model, nullptr, memory.data(), bytes, &state), POLYSEM_OK);
}

// The size that an engineer plans with.
TEST(CoreState, SixteenWatchesTakeLessThan8KiB) {
  const TestModel model =
      make_model({.d_in = 576, .d_out = 576, .latents = 16, .activation = POLYSEM_JUMPRELU});
  const Opened opened(model.file());
  const Monitor monitor{std::vector<polysem_watch>(16, polysem_watch{0, 1, 1, 1})};
  const polysem_config config = monitor.config();
  std::size_t bytes = 0;
  ASSERT_EQ(polysem_state_size(&opened.model, &config, &bytes), POLYSEM_OK);
  EXPECT_LE(bytes, 8192u);
  RecordProperty("bytes", static_cast<int>(bytes));
}

}  // namespace
}  // namespace polysem::core::testing
