#pragma once

#include "polysem/random.hpp"
#include "polysem/trainer.hpp"

namespace polysem::test {

/// 600 rows of 12 normal numbers.
class NormalRows final : public RowSource {
 public:
  static constexpr std::int64_t kRows = 600, kDim = 12;
  std::int64_t rows() const override { return kRows; }
  std::int64_t dim() const override { return kDim; }
  std::uint64_t bytes() const override { return kRows * kDim * sizeof(float); }
  std::string identity() const override { return "normals"; }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    const Random random(7, RandomStream::kData);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = random.normal(static_cast<std::uint64_t>(ids[i / kDim] * kDim) + i % kDim);
  }
};

/// Training on them that takes a second at most, with latents that die.
inline TrainConfig small_training(std::int64_t steps) {
  TrainConfig config;
  config.coder = {.d_in = NormalRows::kDim, .d_out = NormalRows::kDim, .latents = 48, .k = 3};
  config.coder.aux_k = 4;
  config.coder.dead_window = 200;
  config.batch = 32;
  config.rate = {.peak = 2e-3, .warmup = 5, .decay = 5, .steps = steps};
  config.log_every = 10;
  return config;
}

}  // namespace polysem::test
