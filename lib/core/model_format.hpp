#pragma once

#include <cstddef>
#include <cstdint>

// The file that polysem::core reads in place (".polysem"), version 1.
//
// All numbers are little-endian, floats are IEEE 754. The file is
//
//     FileHeader | Section[section_count] | zeros up to a multiple of 64 | the sections' bytes
//
// A section begins at a multiple of 64, directly behind the one before it: its offset is padded(end of the
// table) for the first, padded(offset + bytes) of the section before for the others; zeros fill the gaps. The
// file ends with the padding of its last section: file_bytes = padded(offset + bytes) of that. Sections stand
// in strictly ascending order of `kind`, so that none occurs twice. Every byte of the file is under a
// checksum:
//     header_crc   of [0, padded(end of the table)), with these four bytes taken as zero
//     crc          of a section's bytes with their padding
// CRC-32 as in zlib (polynomial 0xEDB88320, reflected, initial value and final xor 0xFFFFFFFF).
//
// A row of the encoder or decoder belongs to one latent and has row_elements(d) = d rounded up to a multiple
// of 32 elements; those behind d are zeros (int4: 8, which stands for zero). Rows follow each other without a
// gap.
//     f32, f16, bf16   as they are
//     int8             W = scale[latent] * q, two's complement
//     int4             W = scale[latent] * (q - 8), q in 0..15
// Of each 32 elements of int4 byte j holds element j in its low four bits and element j + 16 in its high ones
// (j = 0..15).
//
// W_enc row i is column i of W_enc [d_in, latents]; W_dec row i is row i of W_dec [latents, d_out].
// All of the coder's numbers but the rows are f32. They must be finite; thresholds and scales must not be
// negative (a writer clamps a negative threshold to 0, which is what ReLU before the jump does); input_scale
// and output_scale must be positive.
namespace polysem::core {

constexpr unsigned char kMagic[8] = {'P', 'O', 'L', 'Y', 'S', 'E', 'M', 0x1a};
constexpr std::uint16_t kVersionMajor = 1;  // a reader refuses another one
constexpr std::uint16_t kVersionMinor = 0;  // counts optional sections that were added; a reader takes any

constexpr std::uint32_t kSectionAlignment = 64;
constexpr std::uint32_t kRowGranule = 32;
constexpr std::uint32_t kMaxWidth = 1u << 24;      // of d_in and d_out
constexpr std::uint32_t kMaxLatents = 0x7fffffff;  // also of source_latents
constexpr std::uint32_t kMaxSections = 64;
constexpr std::uint32_t kOptionalSection =
    0x80000000;  // kinds from here on are skipped by who does not know them

// Values of the header's fields are those of polysem_activation and polysem_dtype in polysem/core.h.
enum HeaderFlags : std::uint8_t {
  kSubtractsDecoderBias = 1,  ///< x' = input_scale x - b_dec; needs d_in == d_out
};

struct FileHeader {
  unsigned char magic[8];
  std::uint16_t version_major, version_minor;
  std::uint32_t section_count;
  std::uint64_t file_bytes;
  std::uint32_t header_crc;
  std::uint32_t d_in, d_out, latents;
  std::uint32_t source_latents;  ///< of the whole coder; equal to latents where there is no kLatentIds
  std::uint32_t k;               ///< TopK: 1..latents; else 0
  std::uint8_t activation, encoder_dtype, decoder_dtype, flags;
  float input_scale, output_scale;  ///< trained on s x: s and 1/s; 1 and 1 where they are folded
  std::uint32_t reserved[17];       ///< zeros
};
static_assert(sizeof(FileHeader) == 128 && offsetof(FileHeader, header_crc) == 24 &&
              offsetof(FileHeader, activation) == 48 && offsetof(FileHeader, reserved) == 60);

struct Section {
  std::uint32_t kind;  ///< SectionKind
  std::uint32_t crc;
  std::uint64_t offset;  ///< from the beginning of the file
  std::uint64_t bytes;   ///< without padding
};
static_assert(sizeof(Section) == 24);

enum SectionKind : std::uint32_t {
  // Needed by every model.
  kEncoder = 1,      ///< rows [latents]
  kEncoderBias = 2,  ///< f32 [latents]; Gated: b_gate
  kDecoder = 3,      ///< rows [latents]
  kDecoderBias = 4,  ///< f32 [d_out]
  // Needed where the header says so, and refused where it does not.
  kEncoderScale = 5,    ///< f32 [latents], encoder int8 or int4
  kDecoderScale = 6,    ///< f32 [latents], decoder int8 or int4
  kThreshold = 7,       ///< f32 [latents], JumpReLU and BatchTopK
  kMagnitudeScale = 8,  ///< f32 [latents], Gated: exp(r_mag)
  kMagnitudeBias = 9,   ///< f32 [latents], Gated: b_mag
  // May be there.
  kSkip = 10,       ///< f32 [d_out, row_elements(d_in)]: W_skip, row o makes output o of input_scale x
  kLatentIds = 11,  ///< u32 [latents], strictly ascending, below source_latents: a subset; not with TopK
  // Text. Names and notes: u32 [latents + 1] offsets into the bytes behind them, from 0 to their number,
  // ascending:
  // latent i has the bytes [offset i, offset i + 1).
  kNames = 12,   ///< a short name for each latent
  kNotes = 13,   ///< a longer text for each latent
  kSource = 14,  ///< what the coder was trained on: model and site, UTF-8
};

constexpr std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + kSectionAlignment - 1) & ~std::uint64_t{kSectionAlignment - 1};
}

/// Elements that a row of d numbers takes.
constexpr std::uint32_t row_elements(std::uint32_t d) { return (d + kRowGranule - 1) & ~(kRowGranule - 1); }

/// Bytes of a row of d numbers in polysem_dtype `dtype`, which is one of the five.
constexpr std::uint64_t row_bytes(std::uint8_t dtype, std::uint32_t d) {
  constexpr unsigned char kHalfBytes[] = {8, 4, 4, 2, 1};
  return std::uint64_t{row_elements(d)} * kHalfBytes[dtype] / 2;
}

/// CRC-32 of zlib, continued from `before`.
std::uint32_t crc32(const void* bytes, std::size_t size, std::uint32_t before = 0);

}  // namespace polysem::core
