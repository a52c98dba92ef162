#include "lib/models/activation.hpp"

namespace polysem {

void grad_values(Executor& executor, const CoderTensors& coder, const Tensor& error, const CodeList& list,
                 float scale, float penalty) {
  const SparseGradValues op{.rows = error.rows,
                            .latents = coder.w_dec.rows(),
                            .d_out = error.cols,
                            .k = list.codes.k,
                            .capacity = list.codes.capacity(),
                            .scale = scale,
                            .penalty = penalty};
  executor.run(op, {.error = error,
                    .w_dec = coder.decoder(),
                    .values = list.codes.values,
                    .ids = list.codes.latents,
                    .row_offsets = list.codes.row_offsets,
                    .gradient = list.gradient_view()});
}

void Activation::backward(Executor& executor, const CoderTensors& coder, const Tensor& error, CodeList& list,
                          float scale, float penalty) {
  grad_values(executor, coder, error, list, scale, penalty);
}

std::vector<float> Activation::thresholds(Executor& executor, const CoderTensors& coder) const {
  if (!coder.threshold) return {};
  return executor.download_f32(coder.threshold);
}

}  // namespace polysem
