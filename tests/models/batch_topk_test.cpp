// BatchTopK: what a batch keeps, its gradients, and the threshold that stands in for the batch afterwards.
#include <gtest/gtest.h>

#include <set>

#include "polysem/error.hpp"
#include "tests/models/naive_coder.hpp"

namespace polysem {
namespace {

using namespace test;

CoderConfig batch_topk() {
  CoderConfig config = small_config();
  config.recipe = "batch_topk";
  return config;
}

struct Ranked {
  double value;
  std::size_t row, latent;
};

// All positive pre-activations times the latents' ranks, the largest first.
std::vector<Ranked> ranked(const Naive& model, const std::vector<float>& x,
                           const std::vector<double>& ranks = std::vector<double>(kLatents, 1.0)) {
  std::vector<Ranked> all;
  for (std::size_t r = 0; r < kBatch; ++r)
    for (std::size_t j = 0; j < kLatents; ++j)
      if (const double h = model.pre_activation(x.data() + r * kDim, j); h > 0)
        all.push_back({h * ranks[j], r, j});
  std::sort(all.begin(), all.end(), [](const Ranked& a, const Ranked& b) { return a.value > b.value; });
  return all;
}

Supports first_of(const std::vector<Ranked>& list, std::size_t count) {
  Supports supports(kBatch);
  for (std::size_t i = 0; i < std::min(count, list.size()); ++i)
    supports[list[i].row].push_back(list[i].latent);
  return supports;
}

class BatchTopKTest : public StepTest {
 protected:
  double number(CoderStep& step, const std::string& name) {
    for (const NamedNumber& n : step.numbers())
      if (n.name == name) return *n.value;
    ADD_FAILURE() << "no number " << name;
    return 0;
  }
};

TEST_P(BatchTopKTest, GradientsMatchFiniteDifferences) {
  const auto x = normals(kBatch * kDim, 0);
  Naive model(random_weights());
  const auto supports = first_of(ranked(model, x), kK * kBatch);
  std::set<std::size_t> lengths;
  for (const auto& row : supports) lengths.insert(row.size());
  ASSERT_GT(lengths.size(), 1u) << "every row keeps as many: not a test of variable rows";
  const auto f = [&] { return main_loss(model, x, supports); };
  for (const float clip : {0.0f, 1e6f}) {
    const auto found = gradients(batch_topk(), x, {}, clip);
    EXPECT_NEAR(result_.loss, f(), 1e-6 * f());
    EXPECT_DOUBLE_EQ(result_.l0, kK);
    expect_near(found.at("W_enc"), finite_differences(model.w_enc, f), "W_enc");
    expect_near(found.at("W_dec"), finite_differences(model.w_dec, f), "W_dec");
    expect_near(found.at("b_enc"), finite_differences(model.b_enc, f), "b_enc");
    expect_near(found.at("b_dec"), finite_differences(model.b_dec, f), "b_dec");
  }
}

// The first batch is copied; then a running mean at rate 0.01 of the smallest value kept.
TEST_P(BatchTopKTest, LearnsTheThresholdOfInference) {
  const auto first = normals(kBatch * kDim, 0), second = normals(kBatch * kDim, 9);
  const Naive model(random_weights());
  const double a = ranked(model, first)[kK * kBatch - 1].value,
               b = ranked(model, second)[kK * kBatch - 1].value;
  CoderStep step(executor_, batch_topk(), random_weights(), kBatch, 1.7);
  const Array x = executor_.make_from(kBatch, kDim, first), y = executor_.make_from(kBatch, kDim, second);
  step.run(x, x, {.rate = 0.0f}, 0, false);
  EXPECT_NEAR(number(step, "batch_topk.threshold"), a, 1e-6);
  step.run(y, y, {.rate = 0.0f, .step = 2}, 0, false);
  EXPECT_NEAR(number(step, "batch_topk.threshold"), 0.99 * a + 0.01 * b, 1e-6);
  EXPECT_EQ(step.weights().threshold,
            std::vector<float>(kLatents, static_cast<float>(number(step, "batch_topk.threshold"))));
}

// Where nothing is positive there is nothing to learn from, and nothing to divide by.
TEST_P(BatchTopKTest, SilentBatchesLeaveTheThreshold) {
  CoderWeights weights = random_weights();
  CoderStep step(executor_, batch_topk(), weights, kBatch, 1.7);
  const auto rows = normals(kBatch * kDim, 0);
  const Array x = executor_.make_from(kBatch, kDim, rows);
  step.run(x, x, {.rate = 0.0f}, 0, false);
  const double before = number(step, "batch_topk.threshold");
  executor_.upload(step.state()[2].tensor, std::vector<float>(kLatents, -1000.0f));
  ASSERT_EQ(step.state()[2].name, "b_enc");
  const StepResult result = step.run(x, x, {.rate = 0.0f, .step = 2}, 0, true);
  EXPECT_EQ(result.l0, 0);
  EXPECT_EQ(number(step, "batch_topk.threshold"), before);
}

// A trained coder keeps what is above the threshold, row by row; in norm-aware coders what is ranked above
// it.
TEST_P(BatchTopKTest, InferenceKeepsWhatIsAboveTheThreshold) {
  const auto rows = normals(kBatch * kDim, 0);
  const Array x = executor_.make_from(kBatch, kDim, rows), y = executor_.make(kBatch, kDim);
  for (const DecoderConstraint decoder : {DecoderConstraint::kNone, DecoderConstraint::kNormAware}) {
    CoderConfig config = batch_topk();
    config.decoder = decoder;
    const Naive model(random_weights());
    std::vector<double> ranks(kLatents, 1.0);
    for (std::size_t j = 0; j < kLatents && decoder == DecoderConstraint::kNormAware; ++j) {
      double squares = 0;
      for (std::size_t d = 0; d < kDim; ++d) squares += std::pow(model.w_dec[j * kDim + d], 2);
      ranks[j] = std::sqrt(squares);
    }
    const auto all = ranked(model, rows, ranks);
    CoderStep step(executor_, config, random_weights(), kBatch, 1.7);
    step.run(x, x, {.rate = 0.0f}, 0, false);
    // One batch: all but the smallest that was kept lie above the threshold.
    const auto supports = first_of(all, kK * kBatch - 1);
    CoderWeights weights = step.weights();
    for (float& t : weights.threshold) t *= 1.00001f;
    config.k = 0;  // not known of a coder that was loaded
    SparseCoder(executor_, config, weights, kBatch).reconstruct(x, y);
    const auto found = executor_.download_f32(y);
    for (std::size_t r = 0; r < kBatch; ++r) {
      const auto expected = model.decode(rows.data() + r * kDim, supports[r], true);
      for (std::size_t d = 0; d < kDim; ++d) EXPECT_NEAR(found[r * kDim + d], expected[d], 1e-4);
    }
  }
}

TEST_P(BatchTopKTest, AuxKGivesDeadLatentsAnEncoderGradient) {
  CoderConfig config = batch_topk();
  config.aux_k = 2;
  config.dead_window = 100;
  std::vector<std::uint32_t> since(kLatents, 0);
  for (const std::size_t j : {1, 4, 9, 10}) since[j] = 100;
  const auto x = normals(kBatch * kDim, 0);
  const auto without = gradients(batch_topk(), x), with = gradients(config, x, since);
  double difference = 0;
  for (const std::size_t j : {1, 4, 9, 10})
    for (std::size_t d = 0; d < kDim; ++d)
      difference += std::abs(with.at("W_enc")[j * kDim + d] - without.at("W_enc")[j * kDim + d]);
  EXPECT_GT(difference, 1e-3);
}

TEST_P(BatchTopKTest, InferenceNeedsAThreshold) {
  EXPECT_THROW(SparseCoder(executor_, batch_topk(), random_weights(), kBatch), Error);
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchTopKTest, testing::ValuesIn(backends_that_run("batch_topk")),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace polysem
