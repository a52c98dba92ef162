#pragma once

#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

/// h [x.rows, latents] = x W_enc^T + b_enc, in windows of latents.
void record_pre_activations(const Scope& s, const Tensor& x, const Tensor& w_enc, const Tensor& b_enc,
                            Precision precision, const Tensor& h);

/// The same of some latents, whose ids are in `candidates`.
void record_picked_pre_activations(const Scope& s, const Tensor& x, const Tensor& w_enc, const Tensor& b_enc,
                                   const Tensor& candidates, Precision precision, const Tensor& h);

/// Rows of `length` pre-activations that exist at a time: few enough that caches of large cards hold them.
std::int64_t pre_activation_rows(const Device& device, std::int64_t rows, std::int64_t length);

/// bad [1, rows] = 1 where a row of h has a NaN or an infinity; `nonfinite`, where given, grows by their
/// number.
void record_finite_rows(const Scope& s, const Tensor& h, const Tensor& bad, const Tensor& nonfinite);

/// Whether a binding covers a row of pre-activations.
Support pre_activations_fit(const Device& device, std::int64_t length);

}  // namespace polysem::vulkan
