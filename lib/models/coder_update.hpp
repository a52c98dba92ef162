#pragma once

#include "lib/models/auxk.hpp"
#include "lib/models/code_list.hpp"
#include "polysem/coder_step.hpp"

namespace polysem {

/// First and second moment of a parameter.
struct Moments {
  Array m, v;
};

/// Whole gradients of the latents' parameters, for steps that cannot go latent by latent.
struct LatentGradients {
  Array enc, dec, bias;
};

/// What an update reads of the batch.
struct UpdateInput {
  Tensor x;      ///< f32, what the encoder saw
  Tensor error;  ///< f32, y - target
  float scale;   ///< d loss = scale * error
  const AuxK* aux = nullptr;
  Tensor threshold_gradient{};
};

/// Adam on all parameters of a coder: latent by latent straight from codes, or, where the length of the whole
/// gradient matters or the codes are dense, from gradient matrices.
class CoderUpdate {
 public:
  CoderUpdate(Executor& executor, const CoderConfig& config, const CoderTensors& coder);

  /// From codes, in one pass.
  void fused(CoderTensors& coder, const CodeList& list, const UpdateInput& input, const AdamStep& adam);

  /// Memory for gradients(), made when first asked for.
  const LatentGradients& gradients();
  /// gradients() of codes (and with `accumulate` what is there).
  void add_codes(const CodeList& list, const Tensor& error, const Tensor& x, float decoder_scale,
                 bool accumulate);
  /// The step with gradients(); AuxK is added here. `clip` > 0 limits the length of the whole gradient.
  void apply(CoderTensors& coder, const UpdateInput& input, const AdamStep& adam, float clip);

  std::vector<NamedTensor> state() const;

 private:
  void b_dec_gradients(const UpdateInput& input);
  void step(const Tensor& gradient, const Array& parameter, const Moments& moments, const AdamStep& adam,
            float grad_scale);
  void step_thresholds(const CoderTensors& coder, const UpdateInput& input, const AdamStep& adam,
                       float grad_scale);
  double squared_length(const Tensor& gradient);

  Executor* executor_;
  CoderConfig config_;
  Moments enc_, dec_, b_enc_, b_dec_, threshold_;
  Array input_gradient_, b_dec_gradient_, scalar_;
  LatentGradients gradients_;
};

}  // namespace polysem
