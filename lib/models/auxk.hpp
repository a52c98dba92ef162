#pragma once

#include <span>

#include "lib/models/code_list.hpp"
#include "polysem/sparse_coder.hpp"

namespace polysem {

/// AuxK (Gao et al., arXiv 2406.04093, appendix A.2): dead latents model what the live ones left over, which
/// gives them, encoder included, a gradient to come back by.
class AuxK {
 public:
  AuxK(Executor& executor, const CoderConfig& config, std::int64_t batch);

  /// Takes `error` = y - target of the batch. Fills list(), error() and decoder_scale() for the update.
  /// `weight` is the factor of mean |e - e^|^2 in the loss. Returns that mean if `measure`, else 0.
  double run(Executor& executor, const CoderTensors& coder, const Tensor& input, const Tensor& error,
             std::span<const std::int32_t> dead, double weight, bool measure);

  const CodeList& list() const noexcept { return list_; }
  const Tensor& error() const noexcept { return aux_error_; }
  float decoder_scale() const noexcept { return decoder_scale_; }

 private:
  CoderConfig config_;
  CodeList list_;
  Array candidates_, target_, aux_error_, row_loss_, sum_;
  float decoder_scale_ = 0.0f;
};

}  // namespace polysem
