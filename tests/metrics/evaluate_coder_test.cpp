#include "polysem/evaluate_coder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "polysem/coder_folder.hpp"
#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

constexpr std::int64_t kDim = 4;

class Rows final : public RowSource {
 public:
  explicit Rows(std::int64_t rows) : values_(static_cast<std::size_t>(rows * kDim)) {
    const Random random(2, RandomStream::kData);
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = random.normal(i);
  }
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

// One latent a dimension, k = 1: each row keeps its largest entry if that is positive. What is left over is
// known.
TEST(EvaluateCoder, KeepsTheLargestEntry) {
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const CoderConfig config{.d_in = kDim, .d_out = kDim, .latents = kDim, .k = 1};
  const std::vector<float> eye = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const CoderWeights weights{eye, eye, std::vector<float>(4), std::vector<float>(4)};
  const Rows rows(2500);  // three batches, the last one short

  double left = 0, active = 0;
  for (std::int64_t r = 0; r < 2000; ++r) {
    std::vector<float> x(kDim);
    rows.read(std::span(&r, 1), x);
    const float largest = *std::max_element(x.begin(), x.end());
    for (const float v : x) left += double{v} * v;
    if (largest > 0) left -= double{largest} * largest, ++active;
  }
  const auto found = evaluate_coder(executor, config, weights, rows, 2000);
  EXPECT_EQ(found.reconstruction.rows, 2000);
  EXPECT_NEAR(found.reconstruction.mse, left / 2000, 1e-6);
  EXPECT_DOUBLE_EQ(found.sparsity.l0, active / 2000);

  const test::TemporaryFolder folder;
  save_coder(folder / "coder", config, weights, {"model", "site", "text", 16});
  const LoadedCoder loaded = load_coder(folder / "coder");
  EXPECT_EQ(loaded.weights.w_enc, weights.w_enc);
  EXPECT_EQ(loaded.config.k, 1);
  EXPECT_EQ(loaded.provenance.hook_name, "site");
  EXPECT_EQ(evaluate_coder(executor, loaded.config, loaded.weights, rows, 2000).reconstruction.mse,
            found.reconstruction.mse);
}

TEST(EvaluateCoder, RefusesDataOfAnotherWidth) {
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const CoderConfig config{.d_in = 3, .d_out = 3, .latents = 3, .k = 1};
  const CoderWeights weights{std::vector<float>(9), std::vector<float>(9), std::vector<float>(3),
                             std::vector<float>(3)};
  test::expect_error(ErrorCode::kBadInput, "4 dimensions",
                     [&] { evaluate_coder(executor, config, weights, Rows(5), 5); });
}

}  // namespace
}  // namespace polysem
