// Writes what lib/core/open.cpp reads.
#include "polysem/core_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

#include "lib/core/model_format.hpp"
#include "lib/io/core_rows.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

using core::padded;

constexpr std::string_view kDtypeNames[] = {"f32", "f16", "bf16", "int8", "int4"};
constexpr std::string_view kActivationNames[] = {"relu", "topk", "batch_topk", "jumprelu", "gated"};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "a .polysem file: " + why);
}

void expect_size(const std::vector<float>& values, std::uint64_t size, const char* what) {
  if (values.size() != size)
    refuse(std::string(what) + " has " + std::to_string(values.size()) + " numbers, expected " +
           std::to_string(size));
  const auto bad = std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  if (bad != values.end())
    refuse(std::string(what) + ": element " + std::to_string(bad - values.begin()) + " is not finite");
}

void check(const CoreCoder& c) {
  if (c.d_in < 1 || c.d_in > core::kMaxWidth || c.d_out < 1 || c.d_out > core::kMaxWidth || c.latents < 1 ||
      c.latents > core::kMaxLatents || c.source_latents < c.latents || c.source_latents > core::kMaxLatents)
    refuse("dimensions or latents are out of range");
  const bool top_k = c.activation == POLYSEM_TOPK, gated = c.activation == POLYSEM_GATED;
  if (top_k ? c.k < 1 || c.k > c.latents : c.k != 0) refuse("k is out of range");
  if (top_k && c.latents != c.source_latents) refuse("a TopK coder cannot be a subset");
  if (c.subtracts_b_dec && c.d_in != c.d_out)
    refuse("b_dec cannot be subtracted from an input of another width");
  for (const float scale : {c.input_scale, c.output_scale})
    if (!(scale > 0) || !std::isfinite(scale)) refuse("scales must be positive");
  const bool thresholds = c.activation == POLYSEM_JUMPRELU || c.activation == POLYSEM_BATCH_TOPK;
  expect_size(c.w_enc, std::uint64_t{c.latents} * c.d_in, "W_enc");
  expect_size(c.w_dec, std::uint64_t{c.latents} * c.d_out, "W_dec");
  expect_size(c.b_enc, c.latents, "b_enc");
  expect_size(c.b_dec, c.d_out, "b_dec");
  expect_size(c.threshold, thresholds ? c.latents : 0, "threshold");
  expect_size(c.magnitude_scale, gated ? c.latents : 0, "exp(r_mag)");
  expect_size(c.magnitude_bias, gated ? c.latents : 0, "b_mag");
  expect_size(c.skip, c.skip.empty() ? 0 : std::uint64_t{c.d_out} * c.d_in, "W_skip");
  const auto& ids = c.latent_ids;
  if (!ids.empty() || c.latents != c.source_latents) {
    const bool ascending = std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
    if (ids.size() != c.latents || !ascending || ids.back() >= c.source_latents)
      refuse("latent numbers must ascend and lie below " + std::to_string(c.source_latents));
  }
  for (const auto* texts : {&c.names, &c.notes})
    if (!texts->empty() && texts->size() != c.latents) refuse("each latent or none must have a name");
}

class Sections {
 public:
  template <class T>
  void add(core::SectionKind kind, const std::vector<T>& values) {
    add_bytes(kind, std::as_bytes(std::span(values)));
  }
  template <class T>
  void add_if_any(core::SectionKind kind, const std::vector<T>& values) {
    if (!values.empty()) add(kind, values);
  }
  void add_bytes(core::SectionKind kind, std::span<const std::byte> bytes) {
    sections_.push_back({kind, 0, data_.size(), bytes.size()});
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    data_.resize(static_cast<std::size_t>(padded(data_.size())));
  }

  /// The file, with the header's layout and the checksums filled in.
  std::vector<std::byte> file(core::FileHeader header) {
    const auto table =
        static_cast<std::size_t>(padded(sizeof header + sections_.size() * sizeof(core::Section)));
    header.section_count = static_cast<std::uint32_t>(sections_.size());
    header.file_bytes = table + data_.size();
    for (core::Section& section : sections_) {
      section.crc =
          core::crc32(data_.data() + section.offset, static_cast<std::size_t>(padded(section.bytes)));
      section.offset += table;
    }
    std::vector<std::byte> bytes(table);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, sections_.data(), sections_.size() * sizeof(core::Section));
    header.header_crc = core::crc32(bytes.data(), table);
    std::memcpy(bytes.data(), &header, sizeof header);
    bytes.insert(bytes.end(), data_.begin(), data_.end());
    return bytes;
  }

 private:
  std::vector<core::Section> sections_;
  std::vector<std::byte> data_;
};

std::vector<std::byte> text_section(const std::vector<std::string>& texts) {
  std::vector<std::uint32_t> offsets = {0};
  std::string all;
  for (const std::string& text : texts) {
    all += text;
    if (all.size() > std::numeric_limits<std::uint32_t>::max()) refuse("names or notes take over 4 GiB");
    offsets.push_back(static_cast<std::uint32_t>(all.size()));
  }
  const auto head = std::as_bytes(std::span(offsets)), tail = std::as_bytes(std::span(all));
  std::vector<std::byte> bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

/// W_skip with rows as long as the reader wants them.
std::vector<float> padded_skip(const CoreCoder& c) {
  const std::size_t width = core::row_elements(c.d_in);
  std::vector<float> rows(c.skip.empty() ? 0 : c.d_out * width);
  for (std::size_t o = 0; o < rows.size() / width; ++o)
    std::copy_n(c.skip.begin() + static_cast<std::ptrdiff_t>(o * c.d_in), c.d_in,
                rows.begin() + static_cast<std::ptrdiff_t>(o * width));
  return rows;
}

core::FileHeader header_of(const CoreCoder& c, polysem_dtype dtype) {
  core::FileHeader header = {};
  std::copy(std::begin(core::kMagic), std::end(core::kMagic), header.magic);
  header.version_major = core::kVersionMajor, header.version_minor = core::kVersionMinor;
  header.d_in = c.d_in, header.d_out = c.d_out, header.latents = c.latents;
  header.source_latents = c.source_latents, header.k = c.k;
  header.activation = static_cast<std::uint8_t>(c.activation);
  header.encoder_dtype = header.decoder_dtype = static_cast<std::uint8_t>(dtype);
  header.flags = c.subtracts_b_dec ? core::kSubtractsDecoderBias : 0;
  header.input_scale = c.input_scale, header.output_scale = c.output_scale;
  return header;
}

template <class T>
std::vector<T> rows_at(const std::vector<T>& values, std::span<const std::uint32_t> rows, std::size_t width) {
  std::vector<T> out;
  if (values.empty()) return out;
  for (const std::uint32_t r : rows)
    out.insert(out.end(), values.begin() + static_cast<std::ptrdiff_t>(r * width),
               values.begin() + static_cast<std::ptrdiff_t>((r + 1) * width));
  return out;
}

}  // namespace

CoreCoder subset_of(const CoreCoder& coder, std::span<const std::uint32_t> latents) {
  if (coder.activation == POLYSEM_TOPK)
    refuse("a TopK coder cannot be a subset: its latents decide about each other");
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t latent : latents) {
    const auto& ids = coder.latent_ids;
    const auto at = std::lower_bound(ids.begin(), ids.end(), latent);
    if (ids.empty() ? latent >= coder.latents : at == ids.end() || *at != latent)
      refuse("there is no latent " + std::to_string(latent) + " in the coder");
    rows.push_back(ids.empty() ? latent : static_cast<std::uint32_t>(at - ids.begin()));
  }
  CoreCoder part = coder;
  part.latents = static_cast<std::uint32_t>(latents.size());
  part.latent_ids.assign(latents.begin(), latents.end());
  part.w_enc = rows_at(coder.w_enc, rows, coder.d_in);
  part.w_dec = rows_at(coder.w_dec, rows, coder.d_out);
  part.b_enc = rows_at(coder.b_enc, rows, 1);
  part.threshold = rows_at(coder.threshold, rows, 1);
  part.magnitude_scale = rows_at(coder.magnitude_scale, rows, 1);
  part.magnitude_bias = rows_at(coder.magnitude_bias, rows, 1);
  part.names = rows_at(coder.names, rows, 1);
  part.notes = rows_at(coder.notes, rows, 1);
  return part;
}

std::vector<std::byte> core_file_bytes(const CoreCoder& coder, polysem_dtype dtype) {
  check(coder);
  const io::CoreRows encoder = io::round_rows(coder.w_enc, coder.d_in, dtype, "W_enc"),
                     decoder = io::round_rows(coder.w_dec, coder.d_out, dtype, "W_dec");
  std::vector<float> threshold = coder.threshold;
  for (float& value : threshold) value = std::max(value, 0.0f);
  Sections sections;
  sections.add(core::kEncoder, encoder.bytes);
  sections.add(core::kEncoderBias, coder.b_enc);
  sections.add(core::kDecoder, decoder.bytes);
  sections.add(core::kDecoderBias, coder.b_dec);
  sections.add_if_any(core::kEncoderScale, encoder.scales);
  sections.add_if_any(core::kDecoderScale, decoder.scales);
  sections.add_if_any(core::kThreshold, threshold);
  sections.add_if_any(core::kMagnitudeScale, coder.magnitude_scale);
  sections.add_if_any(core::kMagnitudeBias, coder.magnitude_bias);
  sections.add_if_any(core::kSkip, padded_skip(coder));
  sections.add_if_any(core::kLatentIds, coder.latent_ids);
  if (!coder.names.empty()) sections.add(core::kNames, text_section(coder.names));
  if (!coder.notes.empty()) sections.add(core::kNotes, text_section(coder.notes));
  if (!coder.source.empty()) sections.add_bytes(core::kSource, std::as_bytes(std::span(coder.source)));
  return sections.file(header_of(coder, dtype));
}

void write_core_file(const std::filesystem::path& file, const CoreCoder& coder, polysem_dtype dtype) {
  write_file_atomic(file, core_file_bytes(coder, dtype));
}

std::string_view name(polysem_dtype dtype) noexcept { return kDtypeNames[dtype]; }
std::string_view name(polysem_activation activation) noexcept { return kActivationNames[activation]; }

polysem_dtype core_dtype_named(std::string_view name) {
  const auto* at = std::find(std::begin(kDtypeNames), std::end(kDtypeNames), name);
  if (at == std::end(kDtypeNames))
    refuse("the number format '" + std::string(name) + "' is not one of f32, f16, bf16, int8, int4");
  return static_cast<polysem_dtype>(at - std::begin(kDtypeNames));
}

}  // namespace polysem
