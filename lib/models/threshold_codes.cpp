#include "lib/models/threshold_codes.hpp"

#include <algorithm>

#include "polysem/error.hpp"

namespace polysem {

namespace {

// Entries of codes are numbered by i32.
constexpr std::int64_t kMostEntries = 0x7fffffff;
// What a row gets to begin with: L0 is of this order in practice.
constexpr std::int64_t kFirstRowLength = 64;

/// Whether the list had to grow, which the op then has to fill again.
bool grow(Executor& executor, CodeBuffer& buffer, std::int64_t needed) {
  if (needed <= buffer.codes.capacity()) return false;
  if (needed > kMostEntries)
    throw Error(ErrorCode::kUnsupported, "a batch has " + std::to_string(needed) +
                                             " or more active latents; codes hold 2^31 - 1. A smaller "
                                             "--batch helps");
  buffer.reserve(executor, std::min(kMostEntries, needed + needed / 4));
  return true;
}

}  // namespace

bool encode_above_threshold(Executor& executor, const CoderConfig& config, const CoderTensors& coder,
                            const Tensor& centred, CodeBuffer& buffer, const ThresholdBand& band,
                            double most) {
  const Array needed = executor.make(1, 2, DType::kU32);
  for (;;) {
    EncodeThreshold::Operands o{};
    o.x = centred, o.w_enc = coder.encoder(), o.b_enc = coder.b_enc, o.threshold = coder.threshold;
    o.values = buffer.codes.values, o.ids = buffer.codes.latents, o.row_offsets = buffer.codes.row_offsets;
    if (band.buffer != nullptr) {
      const SparseCodes& codes = band.buffer->codes;
      o.band_values = codes.values, o.band_ids = codes.latents, o.band_offsets = codes.row_offsets;
    }
    o.needed = needed;
    executor.run(EncodeThreshold{.rows = centred.rows,
                                 .d_in = config.d_in,
                                 .latents = config.latents,
                                 .capacity = buffer.codes.capacity(),
                                 .band_capacity = band.buffer ? band.buffer->codes.capacity() : 0,
                                 .band = band.width,
                                 .precision = config.precision},
                 o);
    const auto lengths = executor.download_u32(needed);
    if (lengths[0] > most * static_cast<double>(centred.rows)) return false;
    const bool grown = grow(executor, buffer, lengths[0]);
    const bool band_grown = band.buffer != nullptr && grow(executor, *band.buffer, lengths[1]);
    if (!grown && !band_grown) return true;
  }
}

std::int64_t first_threshold_capacity(std::int64_t rows, std::int64_t latents) {
  return rows * std::min(latents, kFirstRowLength);
}

}  // namespace polysem
