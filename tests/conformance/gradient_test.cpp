// The backward passes of the sparse coder on every backend against finite differences in double, and the
// fused update against the plain ops that it fuses.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "polysem/executor.hpp"
#include "polysem/random.hpp"
#include "tests/conformance/backends.hpp"

namespace polysem::conformance {
namespace {

constexpr std::int64_t kRows = 6, kIn = 5, kOut = 4, kLatents = 9, kActive = 3;
constexpr double kScale = 0.25;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Multiples of 1/64 with few digits: differences such as x - b_dec are exact in f32.
std::vector<float> coarse(std::int64_t count, std::uint32_t substream) {
  const Random random(2026, RandomStream::kData, substream);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(std::round(64 * random.normal(static_cast<std::uint64_t>(i))) / 64);
  return values;
}

/// A small coder with inputs, in plain double.
struct Model {
  std::vector<float> x = coarse(kRows * kIn, 0), target = coarse(kRows * kOut, 1);
  std::vector<double> w_enc, w_dec, b_enc, b_dec;

  Model() {
    const auto draw = [](std::int64_t count, std::uint32_t substream) {
      const auto values = coarse(count, substream);
      return std::vector<double>(values.begin(), values.end());
    };
    w_enc = draw(kLatents * kIn, 2), w_dec = draw(kLatents * kOut, 3);
    b_enc = draw(kLatents, 4), b_dec = draw(kIn, 5);
  }

  double pre_activation(std::int64_t r, std::int64_t j) const {
    double h = b_enc[at(j)];
    for (std::int64_t c = 0; c < kIn; ++c) h += w_enc[at(j * kIn + c)] * (x[at(r * kIn + c)] - b_dec[at(c)]);
    return h;
  }

  // kScale * sum |decode(encode(x - b_dec)) + b_dec - target|^2 with the latents of each row held fixed. The
  // bias of the output is the first kOut elements of b_dec.
  double loss(const std::vector<std::int32_t>& ids) const {
    double sum = 0;
    for (std::int64_t r = 0; r < kRows; ++r) {
      for (std::int64_t c = 0; c < kOut; ++c) {
        double y = b_dec[at(c)] - target[at(r * kOut + c)];
        for (std::int64_t e = r * kActive; e < (r + 1) * kActive; ++e)
          y += std::max(pre_activation(r, ids[at(e)]), 0.0) * w_dec[at(ids[at(e)] * kOut + c)];
        sum += y * y;
      }
    }
    return kScale * sum;
  }
};

std::vector<float> rounded(const std::vector<double>& values) { return {values.begin(), values.end()}; }

/// The model's passes on a backend; where that cannot run, its place is taken until the test is skipped.
class Gradients : public BackendTest {
 protected:
  Executor run_{opened(can_run(GetParam()) ? GetParam() : "reference")};
  Model model_;
  Array centred_, w_enc_, w_dec_, b_enc_, bias_, target_;
  Array values_ = run_.make(1, kRows*kActive), ids_ = run_.make(1, kRows*kActive, DType::kI32);
  Array error_ = run_.make(kRows, kOut), gradient_ = run_.make(1, kRows*kActive);
  Array begin_ = run_.make(1, kLatents + 1, DType::kI32), entries_ = run_.make(1, kRows*kActive, DType::kI32),
        entry_rows_ = run_.make(1, kRows*kActive, DType::kI32);
  Array g_enc_ = run_.make(kLatents, kIn), g_dec_ = run_.make(kLatents, kOut), g_b_ = run_.make(1, kLatents);

  void SetUp() override {
    BackendTest::SetUp();
    if (IsSkipped()) return;
    std::vector<float> centred = model_.x;
    for (std::size_t i = 0; i < centred.size(); ++i)
      centred[i] -= static_cast<float>(model_.b_dec[i % at(kIn)]);
    centred_ = run_.make_from(kRows, kIn, centred);
    w_enc_ = run_.make_from(kLatents, kIn, rounded(model_.w_enc));
    w_dec_ = run_.make_from(kLatents, kOut, rounded(model_.w_dec));
    b_enc_ = run_.make_from(1, kLatents, rounded(model_.b_enc));
    bias_ = run_.make_from(1, kOut, rounded({model_.b_dec.begin(), model_.b_dec.begin() + kOut}));
    target_ = run_.make_from(kRows, kOut, model_.target);
    forward();
    backward();
  }

  void forward() {
    run_.run(EncodeTopK{.rows = kRows, .d_in = kIn, .latents = kLatents, .k = kActive}, {.x = centred_,
                                                                                         .w_enc = w_enc_,
                                                                                         .b_enc = b_enc_,
                                                                                         .scale = {},
                                                                                         .candidates = {},
                                                                                         .values = values_,
                                                                                         .ids = ids_,
                                                                                         .nonfinite = {}});
    run_.run(
        SparseDecode{
            .rows = kRows, .latents = kLatents, .d_out = kOut, .k = kActive, .capacity = kRows * kActive},
        {.values = values_,
         .ids = ids_,
         .row_offsets = {},
         .w_dec = w_dec_,
         .bias = bias_,
         .base = {},
         .target = target_,
         .output = {},
         .error = error_,
         .row_loss = {}});
  }

  void backward() {
    constexpr auto kTwice = static_cast<float>(2 * kScale);
    run_.run(SparseGradValues{.rows = kRows,
                              .latents = kLatents,
                              .d_out = kOut,
                              .k = kActive,
                              .capacity = kRows * kActive,
                              .scale = kTwice},
             {.error = error_,
              .w_dec = w_dec_,
              .values = values_,
              .ids = ids_,
              .row_offsets = {},
              .gradient = gradient_});
    run_.run(TransposeCodes{.rows = kRows, .latents = kLatents, .k = kActive, .capacity = kRows * kActive},
             {.values = values_,
              .ids = ids_,
              .row_offsets = {},
              .begin = begin_,
              .entries = entries_,
              .entry_rows = entry_rows_});
    run_.run(LatentGrad{.rows = kRows,
                        .latents = kLatents,
                        .d_in = kIn,
                        .d_out = kOut,
                        .capacity = kRows * kActive,
                        .decoder_scale = kTwice},
             {.begin = begin_,
              .entries = entries_,
              .entry_rows = entry_rows_,
              .values = values_,
              .gradient = gradient_,
              .error = error_,
              .x = centred_,
              .g_enc = g_enc_,
              .g_dec = g_dec_,
              .g_b = g_b_});
  }

  // Of the loss by the parameter, by the four-point formula; its error is O(step^4) and rounding / step.
  std::vector<double> differences(std::vector<double> Model::*parameter) {
    const auto ids = run_.download_i32(ids_);
    std::vector<double> slopes;
    for (std::size_t i = 0; i < (model_.*parameter).size(); ++i) {
      constexpr double kStep = 1e-3;
      const auto moved = [&](double steps) {
        Model other = model_;
        (other.*parameter)[i] += steps * kStep;
        return other.loss(ids);
      };
      slopes.push_back((moved(-2) - 8 * moved(-1) + 8 * moved(1) - moved(2)) / (12 * kStep));
    }
    return slopes;
  }

  // The reference sums in double.
  double tolerance() const { return GetParam() == "reference" ? 1e-6 : 4e-6; }

  void expect_near(const std::vector<float>& gradient, const std::vector<double>& slopes) const {
    ASSERT_EQ(gradient.size(), slopes.size());
    double largest = 0;
    for (const double slope : slopes) largest = std::max(largest, std::abs(slope));
    for (std::size_t i = 0; i < slopes.size(); ++i)
      EXPECT_NEAR(gradient[i], slopes[i], tolerance() * std::max(1.0, largest)) << "element " << i;
  }
};

// What makes the rest a test: some selected values are silenced, and none is so near 0 that a step crosses
// it.
TEST_P(Gradients, TheExampleHasActiveAndSilencedValues) {
  const auto ids = run_.download_i32(ids_);
  const auto values = run_.download_f32(values_);
  int silenced = 0;
  for (std::int64_t e = 0; e < kRows * kActive; ++e) {
    const double h = model_.pre_activation(e / kActive, ids[at(e)]);
    EXPECT_GT(std::abs(h), 0.02);
    EXPECT_NEAR(values[at(e)], std::max(h, 0.0), 1e-5);
    silenced += h < 0;
  }
  EXPECT_GT(silenced, 0);
  EXPECT_LT(silenced, kRows * kActive / 2);
}

TEST_P(Gradients, Encoder) { expect_near(run_.download_f32(g_enc_), differences(&Model::w_enc)); }
TEST_P(Gradients, Decoder) { expect_near(run_.download_f32(g_dec_), differences(&Model::w_dec)); }
TEST_P(Gradients, EncoderBias) { expect_near(run_.download_f32(g_b_), differences(&Model::b_enc)); }

/// LatentUpdate on copies of the model's parameters, with fresh moments.
struct Updated {
  Array w_enc, w_dec, b_enc, m_enc, v_enc, m_dec, v_dec, m_b, v_b, input_gradient;
};

class FusedUpdate : public Gradients {
 protected:
  Updated copies() {
    Updated u;
    u.w_enc = run_.make_from(kLatents, kIn, run_.download_f32(w_enc_));
    u.w_dec = run_.make_from(kLatents, kOut, run_.download_f32(w_dec_));
    u.b_enc = run_.make_from(1, kLatents, run_.download_f32(b_enc_));
    u.m_enc = run_.make_from(kLatents, kIn, coarse(kLatents * kIn, 10));
    u.m_dec = run_.make_from(kLatents, kOut, coarse(kLatents * kOut, 11));
    u.m_b = run_.make_from(1, kLatents, coarse(kLatents, 12));
    const auto squares = [&](std::int64_t rows, std::int64_t cols, std::uint32_t substream) {
      auto values = coarse(rows * cols, substream);
      for (float& v : values) v *= v;
      return run_.make_from(rows, cols, values);
    };
    u.v_enc = squares(kLatents, kIn, 13), u.v_dec = squares(kLatents, kOut, 14),
    u.v_b = squares(1, kLatents, 15);
    u.input_gradient = run_.make(1, kIn);
    return u;
  }

  void update(const Updated& u, LatentUpdate op, bool aux) {
    op.rows = kRows, op.latents = kLatents, op.d_in = kIn, op.d_out = kOut, op.capacity = kRows * kActive;
    op.decoder_scale = static_cast<float>(2 * kScale);
    LatentUpdate::Operands t{};
    t.begin = begin_, t.entries = entries_, t.entry_rows = entry_rows_, t.values = values_,
    t.gradient = gradient_;
    t.error = error_, t.x = centred_;
    if (aux) {  // the same list once more, with another scale
      op.aux_capacity = op.capacity, op.aux_decoder_scale = 3 * op.decoder_scale;
      t.aux_begin = begin_, t.aux_entries = entries_, t.aux_entry_rows = entry_rows_, t.aux_values = values_;
      t.aux_gradient = gradient_, t.aux_error = error_;
    }
    t.w_enc = u.w_enc, t.w_dec = u.w_dec, t.b_enc = u.b_enc;
    t.m_enc = u.m_enc, t.v_enc = u.v_enc, t.m_dec = u.m_dec, t.v_dec = u.v_dec, t.m_b = u.m_b, t.v_b = u.v_b;
    t.input_gradient = u.input_gradient;
    run_.run(op, t);
  }

  void adam(const AdamStep& step, const Array& gradient, const Array& w, const Array& m, const Array& v) {
    run_.run(AdamUpdate{.rows = w.rows(), .cols = w.cols(), .adam = step},
             {.gradient = gradient, .parameter = w, .m = m, .v = v});
  }

  void expect_equal(const Array& a, const Array& b, double limit = 2e-6) {
    const auto x = run_.download_f32(a), y = run_.download_f32(b);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], limit) << "element " << i;
  }
};

// d loss / d b_dec has two parts: the output's bias, and through x - b_dec the encoder's input.
TEST_P(FusedUpdate, InputGradientGivesTheDecoderBias) {
  const Updated u = copies();
  update(u, {}, false);
  const Array columns = run_.make(1, kOut);
  run_.run(Reduce{.along = Reduce::Along::kColumns, .rows = kRows, .cols = kOut},
           {.a = error_, .b = {}, .out = columns});
  auto gradient = run_.download_f32(u.input_gradient);
  const auto error_sums = run_.download_f32(columns);
  for (std::size_t c = 0; c < gradient.size(); ++c)
    gradient[c] = static_cast<float>(c < error_sums.size() ? 2 * kScale * error_sums[c] : 0) - gradient[c];
  expect_near(gradient, differences(&Model::b_dec));
}

TEST_P(FusedUpdate, EqualsGradientAndAdam) {
  const AdamStep step{.rate = 0.01f, .weight_decay = 0.1f, .step = 7};
  const Updated fused = copies(), plain = copies();
  update(fused, {.adam = step}, false);
  adam(step, g_enc_, plain.w_enc, plain.m_enc, plain.v_enc);
  adam(step, g_dec_, plain.w_dec, plain.m_dec, plain.v_dec);
  adam(step, g_b_, plain.b_enc, plain.m_b, plain.v_b);
  expect_equal(fused.w_enc, plain.w_enc), expect_equal(fused.w_dec, plain.w_dec),
      expect_equal(fused.b_enc, plain.b_enc);
  expect_equal(fused.m_enc, plain.m_enc), expect_equal(fused.v_dec, plain.v_dec),
      expect_equal(fused.v_b, plain.v_b);
}

// Twice the gradient of the encoder, four times that of the decoder; projection, step, unit length again.
TEST_P(FusedUpdate, EqualsTheUnfusedStepWithTwoListsAndUnitNorm) {
  run_.run(NormalizeRows{kLatents, kOut}, {.matrix = w_dec_});
  const AdamStep step{.rate = 0.01f, .step = 3};
  const Updated fused = copies(), plain = copies();
  update(fused, {.unit_norm = true, .adam = step}, true);
  const auto times = [&](const Array& a, float factor) {
    const Array out = run_.make(a.rows(), a.cols());
    run_.run(Elementwise{.rows = a.rows(), .cols = a.cols(), .alpha = factor}, {.a = a, .b = {}, .out = out});
    return out;
  };
  const Array g_dec = times(g_dec_, 4);
  run_.run(ProjectRows{kLatents, kOut}, {.direction = w_dec_, .gradient = g_dec});
  adam(step, times(g_enc_, 2), plain.w_enc, plain.m_enc, plain.v_enc);
  adam(step, g_dec, plain.w_dec, plain.m_dec, plain.v_dec);
  adam(step, times(g_b_, 2), plain.b_enc, plain.m_b, plain.v_b);
  run_.run(NormalizeRows{kLatents, kOut}, {.matrix = plain.w_dec});
  expect_equal(fused.w_enc, plain.w_enc), expect_equal(fused.w_dec, plain.w_dec),
      expect_equal(fused.b_enc, plain.b_enc);
  expect_equal(fused.m_dec, plain.m_dec), expect_equal(fused.v_dec, plain.v_dec, 1e-5);
}

POLYSEM_FOR_EVERY_BACKEND(Gradients);
POLYSEM_FOR_EVERY_BACKEND(FusedUpdate);

}  // namespace
}  // namespace polysem::conformance
