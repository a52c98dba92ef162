#include "polysem/ops_toy.hpp"

namespace polysem {

namespace {
constexpr auto kRead = Access::kRead;
constexpr auto kWrite = Access::kWrite;
constexpr std::int64_t kMostPerSize = std::int64_t{1} << 31;  // so that products of two sizes do not overflow

bool out_of_range(std::int64_t size) { return size < 0 || size >= kMostPerSize; }
}  // namespace

std::array<OperandSpec, 2> FeatureFill::specs() const {
  return {{{"density", kRead, kF32Only, instances, features},
           {"out", kWrite, kF32Only, instances * features, batch}}};
}

std::string FeatureFill::check() const {
  if (out_of_range(instances) || out_of_range(features) || out_of_range(batch))
    return "instances, features and batch must not be negative, and below 2^31";
  if (set_size < 1 || features % set_size != 0) return "set_size must divide features";
  return "";
}

std::array<OperandSpec, 9> ToyGrad::specs() const {
  const std::int64_t decoder_rows = tied ? 0 : instances * features, decoder_cols = tied ? 0 : dims;
  return {{{"x", kRead, kF32Only, instances * features, batch},
           {"w", kRead, kF32Only, instances * dims, features},
           {"decoder", kRead, kF32Only, decoder_rows, decoder_cols, true},
           {"bias", kRead, kF32Only, instances, features},
           {"importance", kRead, kF32Only, instances, features},
           {"loss", kWrite, kF32Only, 1, instances},
           {"w_grad", kWrite, kF32Only, instances * dims, features},
           {"decoder_grad", kWrite, kF32Only, decoder_rows, decoder_cols, true},
           {"bias_grad", kWrite, kF32Only, instances, features}}};
}

std::string ToyGrad::check() const {
  if (out_of_range(instances) || out_of_range(features) || out_of_range(dims) || out_of_range(batch))
    return "instances, features, dims and batch must not be negative, and below 2^31";
  return "";
}

}  // namespace polysem
