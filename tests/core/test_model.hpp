#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "lib/core/model_format.hpp"
#include "polysem/core.h"

// Models made in memory, and what they compute in plain double arithmetic. Needs neither exceptions nor
// GoogleTest, so that the programs for other machines use it, too.
namespace polysem::core::testing {

struct Shape {
  std::uint32_t d_in = 40, d_out = 40, latents = 70;
  polysem_activation activation = POLYSEM_RELU;
  polysem_dtype encoder = POLYSEM_F32, decoder = POLYSEM_F32;
  std::uint32_t k = 0;
  bool subtract = false, skip = false, ids = false, text = false;
  float input_scale = 1, output_scale = 1;
};

/// Numbers that look random and are the same everywhere: multiples of 1/64 in [-1, 1), which every format
/// holds.
class Numbers {
 public:
  explicit Numbers(std::uint32_t seed) : state_(seed * 2654435761u + 1) {}
  std::uint32_t next() {
    state_ = state_ * 1664525u + 1013904223u;
    return state_ >> 8;
  }
  float number() { return static_cast<float>(static_cast<int>(next() % 128) - 64) / 64; }
  std::vector<float> vector(std::size_t size) {
    std::vector<float> values(size);
    for (float& value : values) value = number();
    return values;
  }

 private:
  std::uint32_t state_;
};

/// Memory that begins at a multiple of 64 and ends where it ends, so that a sanitizer sees a read past it.
class Aligned {
 public:
  explicit Aligned(std::size_t size = 0) : size_(size), data_(allocate(size)) {}
  Aligned(const void* from, std::size_t size) : Aligned(size) {
    if (size > 0) std::memcpy(data_, from, size);
  }
  Aligned(const Aligned& other) : Aligned(other.data_, other.size_) {}
  Aligned& operator=(Aligned other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Aligned() { ::operator delete (data_, std::align_val_t{POLYSEM_ALIGNMENT}); }

  unsigned char* data() { return data_; }
  const unsigned char* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  static unsigned char* allocate(std::size_t size) {
    return static_cast<unsigned char*>(::operator new (size, std::align_val_t{POLYSEM_ALIGNMENT}));
  }
  std::size_t size_;
  unsigned char* data_;
};

/// Rows of numbers in a dtype, as model_format.hpp has them, and what they stand for.
struct Rows {
  std::vector<unsigned char> bytes;
  std::vector<float> scales;   // int8 and int4
  std::vector<double> values;  // [rows, d]
};

inline std::uint16_t half_of(float value) {  // exact for the multiples of 1/64 that Numbers makes
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) == 0) return static_cast<std::uint16_t>(bits >> 16);
  const std::uint32_t exponent = (bits >> 23 & 0xff) - 127 + 15;
  return static_cast<std::uint16_t>((bits >> 16 & 0x8000) | exponent << 10 | (bits >> 13 & 0x3ff));
}

inline Rows make_rows(Numbers& numbers, polysem_dtype dtype, std::uint32_t rows, std::uint32_t d) {
  const std::size_t row_size = static_cast<std::size_t>(row_bytes(dtype, d));
  Rows made;
  made.bytes.assign(rows * row_size, dtype == POLYSEM_INT4 ? 0x88 : 0);
  made.values.resize(std::size_t{rows} * d);
  for (std::uint32_t r = 0; r < rows; ++r) {
    unsigned char* row = made.bytes.data() + r * row_size;
    const float scale = 0.01f * static_cast<float>(1 + numbers.next() % 64);
    if (dtype >= POLYSEM_INT8) made.scales.push_back(scale);
    for (std::uint32_t j = 0; j < d; ++j) {
      double& value = made.values[std::size_t{r} * d + j];
      const float number = numbers.number();
      value = number;
      if (dtype == POLYSEM_F32) std::memcpy(row + 4 * j, &number, 4);
      if (dtype == POLYSEM_F16 || dtype == POLYSEM_BF16) {
        std::uint32_t bits;
        std::memcpy(&bits, &number, sizeof bits);
        const std::uint16_t half =
            dtype == POLYSEM_F16 ? half_of(number) : static_cast<std::uint16_t>(bits >> 16);
        std::memcpy(row + 2 * j, &half, 2);
      }
      if (dtype == POLYSEM_INT8) {
        const auto q = static_cast<signed char>(static_cast<int>(numbers.next() % 256) - 128);
        row[j] = static_cast<unsigned char>(q);
        value = static_cast<double>(scale) * q;
      }
      if (dtype == POLYSEM_INT4) {
        const unsigned q = numbers.next() % 16, shift = j % 32 < 16 ? 0 : 4;
        unsigned char& pair = row[j / 32 * 16 + j % 16];
        pair = static_cast<unsigned char>((pair & ~(15u << shift)) | q << shift);
        value = static_cast<double>(scale) * (static_cast<int>(q) - 8);
      }
    }
  }
  return made;
}

/// Puts a file together from its sections.
class FileWriter {
 public:
  FileHeader header = {};

  void add(std::uint32_t kind, const void* bytes, std::size_t size) {
    sections_.push_back({kind, 0, 0, size});
    const auto* from = static_cast<const unsigned char*>(bytes);
    data_.insert(data_.end(), from, from + size);
    data_.resize(static_cast<std::size_t>(padded(data_.size())));
  }
  template <class T>
  void add(std::uint32_t kind, const std::vector<T>& values) {
    add(kind, values.data(), values.size() * sizeof(T));
  }
  std::vector<Section>& sections() { return sections_; }

  Aligned write() const {
    FileHeader head = header;
    const auto table = static_cast<std::size_t>(padded(sizeof head + sections_.size() * sizeof(Section)));
    std::vector<unsigned char> bytes(table);
    head.section_count = static_cast<std::uint32_t>(sections_.size());
    head.file_bytes = table + data_.size();
    std::size_t at = 0;
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      Section section = sections_[i];
      const auto length = static_cast<std::size_t>(padded(section.bytes));
      section.offset = table + at;
      section.crc = crc32(data_.data() + at, length);
      std::memcpy(bytes.data() + sizeof head + i * sizeof section, &section, sizeof section);
      at += length;
    }
    bytes.insert(bytes.end(), data_.begin(), data_.end());
    return sign(bytes, head, table);
  }

  /// Puts a header with its right checksum before a table and what follows.
  static Aligned sign(std::vector<unsigned char> bytes, FileHeader head, std::size_t table) {
    head.header_crc = 0;
    std::memcpy(bytes.data(), &head, sizeof head);
    head.header_crc = crc32(bytes.data(), table);
    std::memcpy(bytes.data(), &head, sizeof head);
    return {bytes.data(), bytes.size()};
  }

 private:
  std::vector<Section> sections_;
  std::vector<unsigned char> data_;
};

/// A model file and, in plain numbers, the model.
struct TestModel {
  Shape shape;
  Rows encoder, decoder;
  std::vector<float> encoder_bias, decoder_bias, threshold, magnitude_scale, magnitude_bias, skip;
  std::vector<std::uint32_t> ids;

  FileWriter writer() const {
    FileWriter file;
    FileHeader& h = file.header;
    std::memcpy(h.magic, kMagic, sizeof kMagic);
    h.version_major = kVersionMajor, h.version_minor = kVersionMinor;
    h.d_in = shape.d_in, h.d_out = shape.d_out, h.latents = shape.latents, h.k = shape.k;
    h.source_latents = shape.ids ? 3 * shape.latents : shape.latents;
    h.activation = static_cast<std::uint8_t>(shape.activation);
    h.encoder_dtype = static_cast<std::uint8_t>(shape.encoder);
    h.decoder_dtype = static_cast<std::uint8_t>(shape.decoder);
    h.flags = shape.subtract ? kSubtractsDecoderBias : 0;
    h.input_scale = shape.input_scale, h.output_scale = shape.output_scale;
    file.add(kEncoder, encoder.bytes);
    file.add(kEncoderBias, encoder_bias);
    file.add(kDecoder, decoder.bytes);
    file.add(kDecoderBias, decoder_bias);
    if (!encoder.scales.empty()) file.add(kEncoderScale, encoder.scales);
    if (!decoder.scales.empty()) file.add(kDecoderScale, decoder.scales);
    if (!threshold.empty()) file.add(kThreshold, threshold);
    if (!magnitude_scale.empty()) file.add(kMagnitudeScale, magnitude_scale);
    if (!magnitude_bias.empty()) file.add(kMagnitudeBias, magnitude_bias);
    if (!skip.empty()) file.add(kSkip, skip);
    if (!ids.empty()) file.add(kLatentIds, ids);
    if (shape.text) add_text(file);
    return file;
  }

  /// The name of latent i is "n" and i % 3 times "x"; notes are empty.
  void add_text(FileWriter& file) const {
    std::vector<std::uint32_t> offsets = {0};
    std::string text;
    for (std::uint32_t i = 0; i < shape.latents; ++i) {
      text += "n" + std::string(i % 3, 'x');
      offsets.push_back(static_cast<std::uint32_t>(text.size()));
    }
    std::vector<unsigned char> bytes(offsets.size() * 4 + text.size());
    std::memcpy(bytes.data(), offsets.data(), offsets.size() * 4);
    std::memcpy(bytes.data() + offsets.size() * 4, text.data(), text.size());
    file.add(kNames, bytes);
    file.add(kNotes, std::vector<std::uint32_t>(shape.latents + 1));
    file.add(kSource, "a model, a site", 15);
  }
  Aligned file() const { return writer().write(); }

  /// x' in double.
  std::vector<double> input(const float* x, bool centred) const {
    std::vector<double> in(shape.d_in);
    for (std::uint32_t j = 0; j < shape.d_in; ++j)
      in[j] = static_cast<double>(shape.input_scale) * x[j] -
              (centred && shape.subtract ? static_cast<double>(decoder_bias[j]) : 0.0);
    return in;
  }
  /// W_enc x' of latent i, and how far f32 arithmetic may be from it: n additions of terms of that size.
  double product(const std::vector<double>& in, std::uint32_t i, double* tolerance = nullptr) const {
    double sum = 0, size = 1;
    for (std::uint32_t j = 0; j < shape.d_in; ++j) {
      const double term = encoder.values[std::size_t{i} * shape.d_in + j] * in[j];
      sum += term;
      size += std::abs(term);
    }
    if (tolerance != nullptr) *tolerance = size * (shape.d_in / 16.0 + 10) * 1.2e-7;
    return sum;
  }
  /// f, and in `unsure` whether f32 could decide otherwise about a latent.
  std::vector<double> encode(const float* x, std::vector<bool>* unsure = nullptr,
                             std::vector<double>* tolerances = nullptr) const {
    const auto in = input(x, true);
    std::vector<double> f(shape.latents), tolerance(shape.latents);
    std::vector<bool> open(shape.latents);
    for (std::uint32_t i = 0; i < shape.latents; ++i) {
      const double p = product(in, i, &tolerance[i]), h = p + encoder_bias[i];
      double value = h, margin = h;
      if (shape.activation == POLYSEM_GATED) {
        value = p * magnitude_scale[i] + magnitude_bias[i];
        tolerance[i] *= 1 + std::abs(magnitude_scale[i]);
        margin = std::min(h, value);
      } else if (!threshold.empty()) {
        margin = h - threshold[i];
      }
      f[i] = margin > 0 ? value : 0;
      open[i] = std::abs(margin) <= tolerance[i];
    }
    if (shape.activation == POLYSEM_TOPK) keep_largest(f, tolerance, open);
    if (unsure != nullptr) *unsure = open;
    if (tolerances != nullptr) *tolerances = tolerance;
    return f;
  }
  void keep_largest(std::vector<double>& f, const std::vector<double>& tolerance,
                    std::vector<bool>& open) const {
    std::vector<std::uint32_t> order(shape.latents);
    for (std::uint32_t i = 0; i < shape.latents; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return f[a] > f[b]; });
    const double last = f[order[shape.k - 1]], next = shape.k < shape.latents ? f[order[shape.k]] : -1;
    for (std::uint32_t i = 0; i < shape.latents; ++i)
      if (std::abs(f[i] - last) <= 2 * tolerance[i] || std::abs(f[i] - next) <= 2 * tolerance[i])
        open[i] = open[i] || last - next <= 2 * tolerance[i];
    for (std::uint32_t r = shape.k; r < shape.latents; ++r) f[order[r]] = 0;
  }
  /// y of codes, without a skip connection; `tolerance` for each number.
  std::vector<double> decode(const std::vector<double>& f, std::vector<double>* tolerance = nullptr) const {
    std::vector<double> y(shape.d_out), size(shape.d_out);
    for (std::uint32_t j = 0; j < shape.d_out; ++j) {
      double sum = decoder_bias[j], magnitude = 1 + std::abs(decoder_bias[j]);
      for (std::uint32_t i = 0; i < shape.latents; ++i) {
        const double term = f[i] * decoder.values[std::size_t{i} * shape.d_out + j];
        sum += term;
        magnitude += std::abs(term);
      }
      y[j] = shape.output_scale * sum;
      size[j] = std::abs(shape.output_scale) * magnitude * (shape.latents + 10) * 1.2e-7;
    }
    if (tolerance != nullptr) *tolerance = size;
    return y;
  }
  void add_skip(const float* x, std::vector<double>& y) const {
    if (skip.empty()) return;
    const auto in = input(x, false);
    for (std::uint32_t o = 0; o < shape.d_out; ++o)
      for (std::uint32_t j = 0; j < shape.d_in; ++j)
        y[o] += static_cast<double>(shape.output_scale) *
                skip[std::size_t{o} * row_elements(shape.d_in) + j] * in[j];
  }
};

inline TestModel make_model(const Shape& shape, std::uint32_t seed = 1) {
  Numbers numbers(seed);
  TestModel m;
  m.shape = shape;
  m.encoder = make_rows(numbers, shape.encoder, shape.latents, shape.d_in);
  m.decoder = make_rows(numbers, shape.decoder, shape.latents, shape.d_out);
  m.encoder_bias = numbers.vector(shape.latents);
  m.decoder_bias = numbers.vector(shape.d_out);
  if (shape.activation == POLYSEM_JUMPRELU || shape.activation == POLYSEM_BATCH_TOPK) {
    m.threshold = numbers.vector(shape.latents);
    for (float& threshold : m.threshold) threshold = std::abs(threshold);
  }
  if (shape.activation == POLYSEM_GATED) {
    m.magnitude_scale = numbers.vector(shape.latents);
    for (float& scale : m.magnitude_scale) scale = std::abs(scale) + 0.5f;
    m.magnitude_bias = numbers.vector(shape.latents);
  }
  if (shape.skip) {
    m.skip.assign(std::size_t{shape.d_out} * row_elements(shape.d_in), 0);
    for (std::uint32_t o = 0; o < shape.d_out; ++o)
      for (std::uint32_t j = 0; j < shape.d_in; ++j)
        m.skip[std::size_t{o} * row_elements(shape.d_in) + j] = numbers.number();
  }
  if (shape.ids)
    for (std::uint32_t i = 0; i < shape.latents; ++i) m.ids.push_back(3 * i + i % 3);
  return m;
}

/// A file, the model opened in it and a state. Holds the status of the first call that failed.
struct Opened {
  Aligned bytes, memory;
  polysem_model model = {};
  polysem_state* state = nullptr;
  polysem_status status;

  explicit Opened(const Aligned& file, const polysem_config* config = nullptr) : bytes(file) {
    std::size_t size = 0;
    status = polysem_open(bytes.data(), bytes.size(), &model);
    if (status == POLYSEM_OK) status = polysem_state_size(&model, config, &size);
    if (status != POLYSEM_OK) return;
    memory = Aligned(size);
    status = polysem_state_init(&model, config, memory.data(), size, &state);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
};

}  // namespace polysem::core::testing
