#pragma once

#include "polysem/sparse_coder.hpp"

namespace polysem {

/// Weights on a backend as a coder of this config needs them: low-precision copies in bf16 and f16 runs,
/// decoder norms for norm-aware coders. Throws where the host weights do not have the config's sizes.
CoderTensors make_coder_tensors(Executor& executor, const CoderConfig& config, const CoderWeights& weights);

/// Brings what derives from the weights (decoder norms) up to date with them.
void refresh_decoder_norms(Executor& executor, const CoderTensors& coder);

/// Rounds the f32 weights into their low-precision copies.
void refresh_low_precision(Executor& executor, const CoderTensors& coder);

/// centred = x - b_dec, or x where the encoder sees it as it is; `low` is the bf16 form where the run has
/// one. Gives what the encoder is to read.
Tensor centre(Executor& executor, const CoderConfig& config, const CoderTensors& coder, const Tensor& x,
              const Array& centred, const Array& low);

}  // namespace polysem
