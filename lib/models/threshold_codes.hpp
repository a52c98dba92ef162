#pragma once

#include <limits>

#include "lib/models/code_list.hpp"
#include "polysem/sparse_coder.hpp"

namespace polysem {

/// The second list of EncodeThreshold: entries within `width` / 2 of the threshold.
struct ThresholdBand {
  float width = 0.0f;
  CodeBuffer* buffer = nullptr;
};

/// EncodeThreshold at the coder's thresholds (none: ReLU), into lists that grow until all entries fit: no
/// entry is ever lost. False, and no codes, where a row has more than `most` entries in the mean.
bool encode_above_threshold(Executor& executor, const CoderConfig& config, const CoderTensors& coder,
                            const Tensor& centred, CodeBuffer& buffer, const ThresholdBand& band = {},
                            double most = std::numeric_limits<double>::infinity());

/// Entries to begin with for `rows` rows.
std::int64_t first_threshold_capacity(std::int64_t rows, std::int64_t latents);

}  // namespace polysem
