// Many training steps of a small TopK coder, op by op, on every backend against the reference.
#include <gtest/gtest.h>

#include "polysem/executor.hpp"
#include "tests/conformance/backends.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {
namespace {

constexpr std::int64_t kRows = 96, kDim = 24, kLatents = 130, kActive = 6, kEntries = kRows * kActive;
constexpr int kSteps = 50;

struct Trajectory {
  std::vector<double> losses;
  std::vector<float> w_enc, w_dec, b_enc;
};

/// The step that a trainer takes: encode, decode, gradients, sort, update. Fresh normal data every step.
class Coder {
 public:
  explicit Coder(Backend& backend) : run_(backend) {
    draw(w_enc_, 1, 0.2f, RandomStream::kInitialisation);
    run_.run(Elementwise{.rows = kLatents, .cols = kDim}, {.a = w_enc_, .b = {}, .out = w_dec_});
    run_.run(NormalizeRows{kLatents, kDim}, {.matrix = w_dec_});
  }

  Trajectory train() {
    Trajectory result;
    for (int step = 1; step <= kSteps; ++step) {
      draw(x_, static_cast<std::uint32_t>(step), 1.0f, RandomStream::kData);
      forward();
      backward();
      update(step);
      const Array total = run_.make(1, 1);
      run_.run(Reduce{.rows = 1, .cols = kRows}, {.a = row_loss_, .b = {}, .out = total});
      result.losses.push_back(run_.download_f32(total)[0]);
    }
    result.w_enc = run_.download_f32(w_enc_);
    result.w_dec = run_.download_f32(w_dec_);
    result.b_enc = run_.download_f32(b_enc_);
    return result;
  }

 private:
  void draw(const Array& out, std::uint32_t substream, float scale, RandomStream stream) {
    run_.run(RandomFill{.kind = RandomFill::Kind::kNormal,
                        .rows = out.rows(),
                        .cols = out.cols(),
                        .scale = scale,
                        .seed = 11,
                        .stream = stream,
                        .substream = substream},
             {.out = out});
  }

  void forward() {
    run_.run(EncodeTopK{.rows = kRows, .d_in = kDim, .latents = kLatents, .k = kActive}, {.x = x_,
                                                                                          .w_enc = w_enc_,
                                                                                          .b_enc = b_enc_,
                                                                                          .scale = {},
                                                                                          .candidates = {},
                                                                                          .values = values_,
                                                                                          .ids = ids_,
                                                                                          .nonfinite = {}});
    run_.run(
        SparseDecode{.rows = kRows, .latents = kLatents, .d_out = kDim, .k = kActive, .capacity = kEntries},
        {.values = values_,
         .ids = ids_,
         .row_offsets = {},
         .w_dec = w_dec_,
         .bias = {},
         .base = {},
         .target = x_,
         .output = {},
         .error = error_,
         .row_loss = row_loss_});
  }

  void backward() {
    run_.run(SparseGradValues{.rows = kRows,
                              .latents = kLatents,
                              .d_out = kDim,
                              .k = kActive,
                              .capacity = kEntries,
                              .scale = kScale},
             {.error = error_,
              .w_dec = w_dec_,
              .values = values_,
              .ids = ids_,
              .row_offsets = {},
              .gradient = gradient_});
    run_.run(TransposeCodes{.rows = kRows, .latents = kLatents, .k = kActive, .capacity = kEntries},
             {.values = values_,
              .ids = ids_,
              .row_offsets = {},
              .begin = begin_,
              .entries = entries_,
              .entry_rows = entry_rows_});
  }

  void update(int step) {
    LatentUpdate op{.rows = kRows,
                    .latents = kLatents,
                    .d_in = kDim,
                    .d_out = kDim,
                    .capacity = kEntries,
                    .decoder_scale = kScale,
                    .unit_norm = true};
    op.adam.step = step;
    LatentUpdate::Operands t{};
    t.begin = begin_, t.entries = entries_, t.entry_rows = entry_rows_, t.values = values_,
    t.gradient = gradient_;
    t.error = error_, t.x = x_, t.w_enc = w_enc_, t.w_dec = w_dec_, t.b_enc = b_enc_;
    t.m_enc = m_enc_, t.v_enc = v_enc_, t.m_dec = m_dec_, t.v_dec = v_dec_, t.m_b = m_b_, t.v_b = v_b_;
    run_.run(op, t);
  }

  static constexpr float kScale = 2.0f / kRows;
  Executor run_;
  Array x_ = run_.make(kRows, kDim), w_enc_ = run_.make(kLatents, kDim), w_dec_ = run_.make(kLatents, kDim);
  Array b_enc_ = run_.zeros(1, kLatents), m_b_ = run_.zeros(1, kLatents), v_b_ = run_.zeros(1, kLatents);
  Array m_enc_ = run_.zeros(kLatents, kDim), v_enc_ = run_.zeros(kLatents, kDim);
  Array m_dec_ = run_.zeros(kLatents, kDim), v_dec_ = run_.zeros(kLatents, kDim);
  Array values_ = run_.make(1, kEntries), ids_ = run_.make(1, kEntries, DType::kI32);
  Array error_ = run_.make(kRows, kDim), row_loss_ = run_.make(1, kRows), gradient_ = run_.make(1, kEntries);
  Array begin_ = run_.make(1, kLatents + 1, DType::kI32), entries_ = run_.make(1, kEntries, DType::kI32),
        entry_rows_ = run_.make(1, kEntries, DType::kI32);
};

class Trajectories : public BackendTest {};

// Rounding grows from step to step, above all where Adam's step is a sign; a wrong formula is far outside.
TEST_P(Trajectories, FollowTheReference) {
  const Trajectory expected = Coder(opened("reference")).train(), actual = Coder(backend()).train();
  for (std::size_t i = 0; i < kSteps; ++i)
    EXPECT_NEAR(actual.losses[i], expected.losses[i], 1e-4 * expected.losses[i]) << "step " << i + 1;
  EXPECT_LT(expected.losses.back(), 0.95 * expected.losses.front()) << "the coder learns nothing: not a test";
  EXPECT_LE(nmse(expected.w_enc, actual.w_enc), 1e-8);
  EXPECT_LE(nmse(expected.w_dec, actual.w_dec), 1e-8);
  EXPECT_LE(nmse(expected.b_enc, actual.b_enc), 1e-6);
}

TEST_P(Trajectories, HaveTheSameBitsForAnyNumberOfThreads) {
  const Trajectory two = Coder(backend(2)).train(), one = Coder(backend(1)).train(),
                   four = Coder(backend(4)).train();
  EXPECT_TRUE(one.losses == two.losses && one.w_enc == two.w_enc && one.w_dec == two.w_dec);
  EXPECT_TRUE(four.losses == two.losses && four.w_enc == two.w_enc && four.w_dec == two.w_dec);
}

POLYSEM_FOR_EVERY_BACKEND(Trajectories);

}  // namespace
}  // namespace polysem::conformance
