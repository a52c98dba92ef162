#include "polysem/core_conversion.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "polysem/core_coder.hpp"
#include "polysem/error.hpp"
#include "polysem/evaluate_coder.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

constexpr std::int64_t kDim = 8, kLatents = 24;

class Rows final : public RowSource {
 public:
  explicit Rows(std::vector<float> values) : values_(std::move(values)) {}
  std::int64_t rows() const override { return static_cast<std::int64_t>(values_.size()) / kDim; }
  std::int64_t dim() const override { return kDim; }
  std::uint64_t bytes() const override { return values_.size() * sizeof(float); }
  std::string identity() const override { return "rows"; }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    for (std::size_t i = 0; i < ids.size(); ++i)
      std::copy_n(values_.begin() + ids[i] * kDim, kDim, out.begin() + static_cast<std::ptrdiff_t>(i) * kDim);
  }

 private:
  std::vector<float> values_;
};

std::vector<float> normal(std::size_t count, std::uint32_t stream) {
  const Random random(5, RandomStream::kData, stream);
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = random.normal(i);
  return out;
}

LoadedCoder coder_of(const std::string& recipe) {
  LoadedCoder coder;
  coder.config = {.recipe = recipe, .d_in = kDim, .d_out = kDim, .latents = kLatents, .k = 3};
  coder.weights = {
      normal(kDim * kLatents, 1), normal(kDim * kLatents, 2), normal(kLatents, 3), normal(kDim, 4), {}};
  if (recipe == "jumprelu" || recipe == "batch_topk") coder.weights.threshold.assign(kLatents, 0.8f);
  coder.provenance = {"a model", "blocks.1.hook_resid_post", "text", 16};
  return coder;
}

class CoreConversion : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor executor_{*backend_};
  Rows rows_{normal(1500 * kDim, 9)};
  RowRange all_{&rows_, 0, 1500};
};

// The whole way: host coder, file, core. In f32 only sums in another order are between them.
TEST_F(CoreConversion, F32KeepsEveryKindAsItIs) {
  for (const char* recipe : {"topk", "batch_topk", "jumprelu", "relu_l1"}) {
    SCOPED_TRACE(recipe);
    const LoadedCoder coder = coder_of(recipe);
    const CoreModel model(core_file_bytes(to_core(coder), POLYSEM_F32), recipe);
    const CoreQuality q = measure_core(executor_, coder, {}, model, all_);
    const auto host = evaluate_coder(executor_, coder.config, coder.weights, rows_, 1500);
    EXPECT_EQ(q.rows, 1500);
    EXPECT_DOUBLE_EQ(q.fvu_before, host.reconstruction.fvu);
    EXPECT_NEAR(q.fvu_after, q.fvu_before, 1e-5);
    EXPECT_DOUBLE_EQ(q.l0_before, host.sparsity.l0);
    EXPECT_GT(q.agreement, 0.9999);
    const LoadedCoder back = from_core(model.coder(), "test");
    EXPECT_EQ(back.config.recipe, recipe);
    EXPECT_EQ(back.weights.w_enc, coder.weights.w_enc);
    EXPECT_EQ(back.weights.threshold, coder.weights.threshold);
    EXPECT_EQ(back.provenance.hook_name, "blocks.1.hook_resid_post");
    EXPECT_EQ(back.provenance.model_name, "a model");
  }
}

TEST_F(CoreConversion, CoarserNumbersCostMore) {
  const LoadedCoder coder = coder_of("topk");
  double agreement = 1, error = 0;
  for (const polysem_dtype dtype : {POLYSEM_INT8, POLYSEM_INT4}) {
    const CoreQuality q =
        measure_core(executor_, coder, {}, {core_file_bytes(to_core(coder), dtype), "here"}, all_);
    EXPECT_LT(q.agreement, agreement);
    EXPECT_GT(std::abs(q.fvu_after - q.fvu_before), error);
    EXPECT_DOUBLE_EQ(q.missed, q.extra);  // k of each row
    agreement = q.agreement, error = std::abs(q.fvu_after - q.fvu_before);
  }
  EXPECT_GT(agreement, 0.85);
}

// Two latents, k = 1, each reads one dimension of positive rows: x0 beats x1 or not. Of latent 0 the rows
// with x0 = 3, 2.5 and 2 are chosen, 1.5 is not: the threshold lies between. Of latent 1 the chosen are 4 and
// 1, not chosen is 2.2 (beside 2.5): F1 is 2/3 with a threshold below 4, and 4/5 with one below 1.
TEST_F(CoreConversion, ThresholdsAgreeBestWithTopK) {
  LoadedCoder coder;
  coder.config = {.recipe = "topk", .d_in = kDim, .d_out = kDim, .latents = 3, .k = 1};
  coder.config.apply_b_dec_to_input = false;
  coder.weights = {
      std::vector<float>(3 * kDim), std::vector<float>(3 * kDim), {0, 0, -9}, std::vector<float>(kDim), {}};
  coder.weights.w_enc[0] = coder.weights.w_enc[kDim + 1] = coder.weights.w_enc[2 * kDim] = 1;
  coder.weights.w_dec = coder.weights.w_enc;
  std::vector<float> x;
  for (const auto& [a, b] : {std::pair{3.0f, 0.5f}, {2.5f, 2.2f}, {2.0f, 0.1f}, {1.5f, 4.0f}, {0.2f, 1.0f}}) {
    x.insert(x.end(), {a, b});
    x.resize(x.size() + kDim - 2);
  }
  const Rows rows(std::move(x));
  CoreCoder part = to_core(coder);
  EXPECT_EQ(calibrate_thresholds(executor_, coder, part, POLYSEM_F32, {&rows, 0, 5}), 1);
  EXPECT_EQ(part.activation, POLYSEM_JUMPRELU);
  EXPECT_FLOAT_EQ(part.threshold[0], 1.75f);
  EXPECT_FLOAT_EQ(part.threshold[1], 0.75f);  // half-way from 1 to the 0.5 of no choice
  EXPECT_FLOAT_EQ(part.threshold[2], 0.0f);   // never seen to be positive
}

TEST_F(CoreConversion, ASubsetIsMeasuredByItself) {
  const LoadedCoder coder = coder_of("topk");
  CoreCoder part = to_core(coder);
  part.activation = POLYSEM_RELU, part.k = 0;
  part = subset_of(part, std::vector<std::uint32_t>{2, 3, 17});
  calibrate_thresholds(executor_, coder, part, POLYSEM_F32, {&rows_, 0, 700});
  const CoreModel model(core_file_bytes(part, POLYSEM_F32), "here");
  const CoreQuality q = measure_core(executor_, coder, {}, model, {&rows_, 700, 800});
  EXPECT_EQ(q.rows, 800);
  EXPECT_LT(q.l0_before, 3);
  EXPECT_GT(q.agreement, 0.6);
  EXPECT_LT(q.agreement, 1);
  // Better than all that is positive would agree.
  CoreCoder loose = part;
  loose.threshold.assign(3, 0.0f);
  EXPECT_GT(q.agreement,
            measure_core(executor_, coder, {}, {core_file_bytes(loose, POLYSEM_F32), "l"}, {&rows_, 700, 800})
                .agreement);
  // Rounded anew, the subset is its own measure, and of its subset, too.
  const LoadedCoder whole = from_core(model.coder(), "test");
  const std::vector<std::uint32_t> ids = {2, 3, 17};
  EXPECT_GT(measure_core(executor_, whole, ids, model, all_).agreement, 0.9999);
  const CoreModel one(core_file_bytes(subset_of(model.coder(), std::vector<std::uint32_t>{17}), POLYSEM_F32),
                      "1");
  EXPECT_GT(measure_core(executor_, whole, ids, one, all_).agreement, 0.9999);
}

TEST_F(CoreConversion, RefusesOtherData) {
  LoadedCoder coder = coder_of("topk");
  const CoreModel model(core_file_bytes(to_core(coder), POLYSEM_F32), "here");
  EXPECT_THROW(measure_core(executor_, coder, {}, model, {&rows_, 0, 0}), Error);
  EXPECT_THROW(measure_core(executor_, coder, {}, model, {&rows_, 1499, 2}), Error);
  coder.config.d_in = coder.config.d_out = 4;
  EXPECT_THROW(measure_core(executor_, coder, {}, model, all_), Error);
}

// Decoder norms take part in the choice of a norm-aware coder; folded they are in the encoder.
TEST_F(CoreConversion, FoldsDecoderNorms) {
  LoadedCoder coder = coder_of("topk");
  coder.config.decoder = DecoderConstraint::kNormAware;
  const CoreModel model(core_file_bytes(to_core(coder), POLYSEM_F32), "here");
  const CoreQuality q = measure_core(executor_, coder, {}, model, all_);
  EXPECT_GT(q.agreement, 0.9999);
  EXPECT_NEAR(q.fvu_after, q.fvu_before, 1e-5);
}

}  // namespace
}  // namespace polysem
