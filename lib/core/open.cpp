#include <initializer_list>

#include "lib/core/model_format.hpp"
#include "polysem/core.h"

// The boundary of trust: whatever is in a file that polysem_open() takes, no other function reads outside of
// it or meets a weight that is not finite.
namespace polysem::core {

namespace {

constexpr std::uint32_t kKnownKinds = kSource + 1;

/// A file on its way to being trusted.
struct File {
  const unsigned char* bytes;
  FileHeader header;
  /// By kind; null and 0 where there is none.
  const unsigned char* at[kKnownKinds];
  std::uint64_t size[kKnownKinds];

  template <class T>
  const T* section(SectionKind kind) const {
    return reinterpret_cast<const T*>(at[kind]);  // sections are aligned to 64
  }
};

polysem_status read_header(const unsigned char* bytes, std::size_t size, FileHeader& header) {
  for (std::size_t i = 0; i < sizeof kMagic && i < size; ++i)
    if (bytes[i] != kMagic[i]) return POLYSEM_NOT_A_MODEL;
  if (size < sizeof header) return POLYSEM_TRUNCATED;
  __builtin_memcpy(&header, bytes, sizeof header);
  if (header.version_major != kVersionMajor) return POLYSEM_UNSUPPORTED_VERSION;
  if (header.section_count == 0 || header.section_count > kMaxSections) return POLYSEM_BAD_LAYOUT;
  if (header.file_bytes > size) return POLYSEM_TRUNCATED;
  // From here on file_bytes, and so all that lies below it, fits std::size_t.
  const std::uint64_t table_end = padded(sizeof header + header.section_count * sizeof(Section));
  if (header.file_bytes < table_end) return POLYSEM_BAD_LAYOUT;
  FileHeader unsigned_header = header;
  unsigned_header.header_crc = 0;
  const std::uint32_t crc = crc32(bytes + sizeof header, static_cast<std::size_t>(table_end) - sizeof header,
                                  crc32(&unsigned_header, sizeof header));
  return crc == header.header_crc ? POLYSEM_OK : POLYSEM_BAD_CHECKSUM;
}

bool is_positive(float value) {
  return value > 0 && value <= 3.4028234e38f;  // neither NaN nor infinity
}

polysem_status check_shape(const FileHeader& h) {
  if (h.activation > POLYSEM_GATED || h.encoder_dtype > POLYSEM_INT4 || h.decoder_dtype > POLYSEM_INT4)
    return POLYSEM_UNSUPPORTED_DTYPE;
  if (h.flags > kSubtractsDecoderBias) return POLYSEM_UNSUPPORTED_VERSION;
  const bool sizes = h.d_in - 1 < kMaxWidth && h.d_out - 1 < kMaxWidth && h.latents - 1 < kMaxLatents &&
                     h.source_latents >= h.latents && h.source_latents <= kMaxLatents;
  const bool k = h.activation == POLYSEM_TOPK ? h.k - 1 < h.latents : h.k == 0;
  const bool bias = (h.flags & kSubtractsDecoderBias) == 0 || h.d_in == h.d_out;
  if (!sizes || !k || !bias) return POLYSEM_BAD_LAYOUT;
  return is_positive(h.input_scale) && is_positive(h.output_scale) ? POLYSEM_OK : POLYSEM_BAD_VALUE;
}

/// Finds the sections, which lie without a gap, and checks their sums.
polysem_status read_sections(File& file) {
  std::uint64_t end = padded(sizeof file.header + file.header.section_count * sizeof(Section));
  std::uint32_t last_kind = 0;
  for (std::uint32_t i = 0; i < file.header.section_count; ++i) {
    Section section;
    __builtin_memcpy(&section, file.bytes + sizeof file.header + i * sizeof section, sizeof section);
    if (section.kind <= last_kind || section.offset != end) return POLYSEM_BAD_LAYOUT;
    if (section.bytes > file.header.file_bytes - end) return POLYSEM_BAD_LAYOUT;
    const std::uint64_t length = padded(section.bytes);  // at most 63 above a number that fits
    if (length > file.header.file_bytes - end) return POLYSEM_BAD_LAYOUT;
    const unsigned char* at = file.bytes + end;
    if (crc32(at, static_cast<std::size_t>(length)) != section.crc) return POLYSEM_BAD_CHECKSUM;
    if (section.kind < kKnownKinds) {
      file.at[section.kind] = at;
      file.size[section.kind] = section.bytes;
    } else if (section.kind < kOptionalSection) {
      return POLYSEM_UNSUPPORTED_VERSION;
    }
    last_kind = section.kind;
    end += length;
  }
  return end == file.header.file_bytes ? POLYSEM_OK : POLYSEM_BAD_LAYOUT;
}

/// Whether each section is there exactly where the shape asks for it, in the size that follows from it.
bool sections_fit(const File& file) {
  const FileHeader& h = file.header;
  // Products of at most 2^31 and 2^26.
  const std::uint64_t per_latent = std::uint64_t{h.latents} * 4, per_output = std::uint64_t{h.d_out} * 4;
  const bool thresholds = h.activation == POLYSEM_JUMPRELU || h.activation == POLYSEM_BATCH_TOPK;
  const bool gated = h.activation == POLYSEM_GATED;
  const auto has = [&file](SectionKind kind, bool wanted, std::uint64_t bytes) {
    return wanted ? file.at[kind] != nullptr && file.size[kind] == bytes : file.at[kind] == nullptr;
  };
  return has(kEncoder, true, h.latents * row_bytes(h.encoder_dtype, h.d_in)) &&
         has(kEncoderBias, true, per_latent) &&
         has(kDecoder, true, h.latents * row_bytes(h.decoder_dtype, h.d_out)) &&
         has(kDecoderBias, true, per_output) &&
         has(kEncoderScale, h.encoder_dtype >= POLYSEM_INT8, per_latent) &&
         has(kDecoderScale, h.decoder_dtype >= POLYSEM_INT8, per_latent) &&
         has(kThreshold, thresholds, per_latent) && has(kMagnitudeScale, gated, per_latent) &&
         has(kMagnitudeBias, gated, per_latent) &&
         has(kSkip, file.at[kSkip] != nullptr, per_output * row_elements(h.d_in)) &&
         has(kLatentIds, h.latents != h.source_latents || file.at[kLatentIds] != nullptr, per_latent) &&
         !(h.latents != h.source_latents && h.activation == POLYSEM_TOPK);
}

/// Whether no number has an exponent of all ones, which NaN and infinity have.
template <class Bits>
bool all_finite(const unsigned char* at, std::uint64_t bytes, Bits exponent) {
  const auto* words = reinterpret_cast<const Bits*>(at);
  bool finite = true;
  for (std::size_t i = 0; i < static_cast<std::size_t>(bytes) / sizeof(Bits); ++i)
    finite &= (words[i] & exponent) != exponent;
  return finite;
}

bool rows_finite(const File& file, SectionKind kind, std::uint8_t dtype) {
  if (dtype == POLYSEM_F32) return all_finite<std::uint32_t>(file.at[kind], file.size[kind], 0x7f800000);
  if (dtype == POLYSEM_F16) return all_finite<std::uint16_t>(file.at[kind], file.size[kind], 0x7c00);
  if (dtype == POLYSEM_BF16) return all_finite<std::uint16_t>(file.at[kind], file.size[kind], 0x7f80);
  return true;
}

bool values_fit(const File& file) {
  if (!rows_finite(file, kEncoder, file.header.encoder_dtype) ||
      !rows_finite(file, kDecoder, file.header.decoder_dtype))
    return false;
  for (const SectionKind kind : {kEncoderBias, kDecoderBias, kEncoderScale, kDecoderScale, kThreshold,
                                 kMagnitudeScale, kMagnitudeBias, kSkip})
    if (!all_finite<std::uint32_t>(file.at[kind], file.size[kind], 0x7f800000)) return false;
  for (const SectionKind kind : {kEncoderScale, kDecoderScale, kThreshold, kMagnitudeScale})
    for (std::size_t i = 0; i < file.size[kind] / 4; ++i)
      if (!(file.section<float>(kind)[i] >= 0)) return false;
  return true;
}

bool ids_fit(const File& file) {
  const auto* ids = file.section<std::uint32_t>(kLatentIds);
  if (ids == nullptr) return true;
  for (std::uint32_t i = 0; i < file.header.latents; ++i)
    if (ids[i] >= file.header.source_latents || (i > 0 && ids[i] <= ids[i - 1])) return false;
  return true;
}

/// Names or notes: offsets that ascend from 0 to the number of bytes behind them.
bool text_fits(const File& file, SectionKind kind) {
  if (file.at[kind] == nullptr) return true;
  const std::uint64_t table = (std::uint64_t{file.header.latents} + 1) * 4;
  if (file.size[kind] < table) return false;
  const auto* offsets = file.section<std::uint32_t>(kind);
  bool fits = offsets[0] == 0 && offsets[file.header.latents] == file.size[kind] - table;
  for (std::uint32_t i = 0; i < file.header.latents; ++i) fits &= offsets[i] <= offsets[i + 1];
  return fits;
}

polysem_model model_of(const File& file) {
  const FileHeader& h = file.header;
  polysem_model m = {};
  m.d_in = h.d_in, m.d_out = h.d_out, m.latents = h.latents, m.source_latents = h.source_latents, m.k = h.k;
  m.activation = h.activation, m.encoder_dtype = h.encoder_dtype, m.decoder_dtype = h.decoder_dtype;
  m.subtracts_b_dec = h.flags & kSubtractsDecoderBias;
  m.input_scale = h.input_scale, m.output_scale = h.output_scale;
  m.encoder = file.at[kEncoder], m.decoder = file.at[kDecoder];
  m.encoder_scale = file.section<float>(kEncoderScale), m.decoder_scale = file.section<float>(kDecoderScale);
  m.encoder_bias = file.section<float>(kEncoderBias), m.threshold = file.section<float>(kThreshold);
  m.magnitude_scale = file.section<float>(kMagnitudeScale);
  m.magnitude_bias = file.section<float>(kMagnitudeBias);
  m.decoder_bias = file.section<float>(kDecoderBias), m.skip = file.section<float>(kSkip);
  m.latent_ids = file.section<std::uint32_t>(kLatentIds);
  m.names = file.section<std::uint32_t>(kNames), m.notes = file.section<std::uint32_t>(kNotes);
  m.source = file.section<char>(kSource);
  m.source_length = static_cast<std::uint32_t>(file.size[kSource]);
  return m;
}

polysem_status open(const unsigned char* bytes, std::size_t size, polysem_model& model) {
  File file = {};
  file.bytes = bytes;
  polysem_status status = read_header(bytes, size, file.header);
  if (status == POLYSEM_OK) status = check_shape(file.header);
  if (status == POLYSEM_OK) status = read_sections(file);
  if (status != POLYSEM_OK) return status;
  if (!sections_fit(file) || !text_fits(file, kNames) || !text_fits(file, kNotes) || !ids_fit(file) ||
      file.size[kSource] > 0xffffffffu)
    return POLYSEM_BAD_LAYOUT;
  if (!values_fit(file)) return POLYSEM_BAD_VALUE;
  model = model_of(file);
  return POLYSEM_OK;
}

}  // namespace

}  // namespace polysem::core

polysem_status polysem_open(const void* bytes, size_t size, polysem_model* model) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  return POLYSEM_BIG_ENDIAN;
#endif
  if (bytes == nullptr || model == nullptr) return POLYSEM_BAD_ARGUMENT;
  if (reinterpret_cast<std::uintptr_t>(bytes) % POLYSEM_ALIGNMENT != 0) return POLYSEM_BAD_ALIGNMENT;
  return polysem::core::open(static_cast<const unsigned char*>(bytes), size, *model);
}
