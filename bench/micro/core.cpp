#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"
#include "lib/core/model_format.hpp"
#include "polysem/core.h"
#include "polysem/error.hpp"

// polysem::core on one core. Weights come from memory, not from a cache: calls take turns at copies of the
// model that are together far larger than the caches, as a host that computes its own layers in between makes
// it.
namespace polysem::bench {

namespace {

constexpr std::size_t kBeyondCaches = std::size_t{256} << 20;

struct Free {
  void operator()(std::byte* bytes) const { ::operator delete (bytes, std::align_val_t{POLYSEM_ALIGNMENT}); }
};
using Memory = std::unique_ptr<std::byte[], Free>;

Memory memory(std::size_t size) {
  return Memory(static_cast<std::byte*>(::operator new (size, std::align_val_t{POLYSEM_ALIGNMENT})));
}

struct Shape {
  polysem_dtype dtype;
  std::uint32_t d, n, k;  // k 0: JumpReLU
};

std::string name_of(polysem_dtype dtype) {
  constexpr const char* kNames[] = {"f32", "f16", "bf16", "int8", "int4"};
  return kNames[dtype];
}

void check(polysem_status status) {
  if (status != POLYSEM_OK) throw Error(ErrorCode::kFailed, polysem_status_text(status));
}

/// A model with weights that look random, of which about one latent in a hundred is active.
class Model {
 public:
  explicit Model(const Shape& shape) {
    using namespace core;
    const bool scaled = shape.dtype >= POLYSEM_INT8, top_k = shape.k > 0;
    const std::uint64_t rows = shape.n * row_bytes(static_cast<std::uint8_t>(shape.dtype), shape.d);
    const std::uint64_t numbers = std::uint64_t{shape.n} * 4;
    std::vector<Section> table = {{kEncoder, 0, 0, rows},
                                  {kEncoderBias, 0, 0, numbers},
                                  {kDecoder, 0, 0, rows},
                                  {kDecoderBias, 0, 0, std::uint64_t{shape.d} * 4}};
    if (scaled) table.push_back({kEncoderScale, 0, 0, numbers});
    if (scaled) table.push_back({kDecoderScale, 0, 0, numbers});
    if (!top_k) table.push_back({kThreshold, 0, 0, numbers});
    std::uint64_t end = padded(sizeof(FileHeader) + table.size() * sizeof(Section));
    const std::uint64_t table_end = end;
    for (Section& section : table) section.offset = end, end += padded(section.bytes);
    size_ = end;
    bytes_ = memory(size_);
    std::memset(bytes_.get(), 0, size_);
    for (Section& section : table) {
      fill(shape, section);
      section.crc = crc32(bytes_.get() + section.offset, padded(section.bytes));
    }
    FileHeader header = {};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.version_major = kVersionMajor, header.section_count = static_cast<std::uint32_t>(table.size());
    header.file_bytes = size_;
    header.d_in = header.d_out = shape.d, header.latents = header.source_latents = shape.n,
    header.k = shape.k;
    header.activation = top_k ? POLYSEM_TOPK : POLYSEM_JUMPRELU;
    header.encoder_dtype = header.decoder_dtype = static_cast<std::uint8_t>(shape.dtype);
    header.input_scale = header.output_scale = 1;
    std::memcpy(bytes_.get(), &header, sizeof header);
    std::memcpy(bytes_.get() + sizeof header, table.data(), table.size() * sizeof(Section));
    header.header_crc = crc32(bytes_.get(), table_end);
    std::memcpy(bytes_.get(), &header, sizeof header);
    check(polysem_open(bytes_.get(), size_, &model_));
  }

  const polysem_model& get() const { return model_; }

 private:
  void fill(const Shape& shape, const core::Section& section) {
    auto* at = reinterpret_cast<unsigned char*>(bytes_.get() + section.offset);
    const bool rows = section.kind == core::kEncoder || section.kind == core::kDecoder;
    std::uint32_t state = section.kind;
    const auto next = [&state] { return (state = state * 1664525u + 1013904223u) >> 8; };
    if (!rows) {
      // One standard deviation of a row's product is the root of d times that of a weight; 2.3 of them are
      // rare.
      const float weight = shape.dtype == POLYSEM_INT4 ? 4.6f : shape.dtype == POLYSEM_INT8 ? 74 : 0.58f;
      const float threshold = 2.3f * weight * 0.58f * std::sqrt(static_cast<float>(shape.d));
      for (std::size_t i = 0; i < section.bytes / 4; ++i) {
        const float value = section.kind == core::kThreshold ? threshold
                            : section.kind == core::kEncoderBias || section.kind == core::kDecoderBias ? 0
                                                                                                       : 1;
        std::memcpy(at + 4 * i, &value, 4);
      }
      return;
    }
    for (std::size_t i = 0; i < section.bytes;) {
      const float number = static_cast<float>(static_cast<int>(next() % 256) - 128) / 128;
      std::uint32_t bits;
      std::memcpy(&bits, &number, sizeof bits);
      switch (shape.dtype) {
        case POLYSEM_F32:
          std::memcpy(at + i, &number, 4), i += 4;
          break;
        case POLYSEM_F16: {  // between 1/4 and 1/2, with either sign
          const auto half = static_cast<std::uint16_t>(0x3400 | (next() & 0x83ff));
          std::memcpy(at + i, &half, 2), i += 2;
          break;
        }
        case POLYSEM_BF16: {
          const auto half = static_cast<std::uint16_t>(bits >> 16);
          std::memcpy(at + i, &half, 2), i += 2;
          break;
        }
        default:
          at[i++] = static_cast<unsigned char>(next());
      }
    }
  }

  Memory bytes_;
  std::size_t size_ = 0;
  polysem_model model_ = {};
};

class State {
 public:
  State(const Model& model, const polysem_config& config) {
    std::size_t size = 0;
    check(polysem_state_size(&model.get(), &config, &size));
    memory_ = memory(size);
    check(polysem_state_init(&model.get(), &config, memory_.get(), size, &state_));
  }
  polysem_state* get() const { return state_; }

 private:
  Memory memory_;
  polysem_state* state_ = nullptr;
};

/// Bytes that one thread reads a second from memory that is larger than the caches: the best of 20 passes.
double read_bandwidth() {
  static const double rate = [] {
    const std::vector<std::uint64_t> words(kBeyondCaches / sizeof(std::uint64_t), 1);
    double best = 1e30;
    for (int run = 0; run < 20; ++run) {
      const auto begin = std::chrono::steady_clock::now();
      std::uint64_t sum = 0;
      for (const std::uint64_t word : words) sum += word;
      benchmark::DoNotOptimize(sum);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return static_cast<double>(kBeyondCaches) / best;
  }();
  return rate;
}

/// Copies of a model that take turns, each with a state.
struct Turns {
  std::vector<std::unique_ptr<Model>> models;
  std::vector<std::unique_ptr<State>> states;
  std::size_t next = 0;

  Turns(const Shape& shape, double bytes_read, const polysem_config& config) {
    for (double bytes = 0; bytes < static_cast<double>(kBeyondCaches); bytes += bytes_read) {
      models.push_back(std::make_unique<Model>(shape));
      states.push_back(std::make_unique<State>(*models.back(), config));
    }
  }
  polysem_state* state() { return states[next++ % states.size()]->get(); }
};

std::vector<float> inputs(std::size_t count) {
  std::vector<float> x(count);
  std::uint32_t state = 9;
  for (float& value : x)
    value = static_cast<float>(static_cast<int>((state = state * 1664525u + 1u) >> 24) - 128) / 128;
  return x;
}

template <class Step>
void measure_one_core(benchmark::State& state, double floor_seconds, Step&& step) {
  step();
  double fastest = 1e30;
  for ([[maybe_unused]] auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    step();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.SetIterationTime(seconds);
    fastest = std::min(fastest, seconds);
  }
  state.counters["floor_seconds"] = floor_seconds;
  state.counters["fastest_seconds"] = fastest;
  state.counters["times_floor"] = fastest / floor_seconds;
}

double encoder_bytes(const Shape& s) {
  return static_cast<double>(s.n) *
         static_cast<double>(core::row_bytes(static_cast<std::uint8_t>(s.dtype), s.d));
}

// Floor: the encoder read once.
void encode(benchmark::State& state, Shape shape) {
  Turns turns(shape, encoder_bytes(shape), {});
  const auto x = inputs(shape.d);
  std::vector<float> f(shape.n);
  measure_one_core(state, encoder_bytes(shape) / read_bandwidth(), [&] {
    check(
        polysem_encode(turns.state(), polysem_one(x.data(), x.size()), polysem_one_out(f.data(), f.size())));
  });
}

// Floor: the encoder read once; what choosing the k largest takes is the difference to core/encode.
void encode_topk(benchmark::State& state, Shape shape) {
  Turns turns(shape, encoder_bytes(shape), {});
  constexpr std::size_t kInputs = 64;  // so many that the processor does not learn where branches go
  const auto x = inputs(kInputs * shape.d);
  std::vector<std::uint32_t> latents(shape.k);
  std::vector<float> values(shape.k);
  std::uint32_t count = 0;
  std::size_t position = 0;
  polysem_codes codes = {latents.data(), values.data(), &count, 1, shape.k};
  measure_one_core(state, encoder_bytes(shape) / read_bandwidth(), [&] {
    const float* at = x.data() + (position++ % kInputs) * shape.d;
    check(polysem_encode_sparse(turns.state(), polysem_one(at, shape.d), &codes));
  });
}

// Floor: the rows that are watched read once.
void watch(benchmark::State& state, std::uint32_t d, std::uint32_t count) {
  const Shape shape{POLYSEM_F32, d, 8192, 0};
  std::vector<polysem_watch> watches;
  for (std::uint32_t i = 0; i < count; ++i) watches.push_back({i * (shape.n / count), 5, 4, 0.5f});
  polysem_config config = {};
  config.watches = watches.data(), config.watch_count = watches.size();
  Turns turns(shape, encoder_bytes(shape), config);
  const auto x = inputs(d);
  polysem_hit hits[16];
  std::size_t found = 0;
  measure_one_core(state, 4.0 * count * d / read_bandwidth(), [&] {
    check(polysem_observe(turns.state(), polysem_one(x.data(), d), hits, 16, &found));
  });
}

// Floor: 2 batch n d operations at the best rate of the backend's f32 product on one thread.
void encode_batch(benchmark::State& state, Shape shape, std::size_t batch) {
  polysem_config config = {};
  config.batch = batch;
  const Model model(shape);
  const State memory(model, config);
  const auto x = inputs(batch * shape.d);
  std::vector<float> f(batch * shape.n);
  const double rate = product_rate(Precision::kF32) / std::max(1, backend().info().threads);
  const double operations = 2.0 * static_cast<double>(batch) * shape.n * shape.d;
  measure_one_core(state, operations / rate, [&] {
    check(polysem_encode(memory.get(), polysem_many(x.data(), batch, shape.d),
                         polysem_many_out(f.data(), batch, shape.n)));
  });
}

}  // namespace

void add_core_benchmarks() {
  constexpr std::uint32_t d = 576, n = 8192, k = 32;
  const std::string size = "/" + std::to_string(d) + "/" + std::to_string(n);
  for (const polysem_dtype dtype : {POLYSEM_F32, POLYSEM_F16, POLYSEM_BF16, POLYSEM_INT8, POLYSEM_INT4}) {
    const std::string type = "/" + name_of(dtype) + size;
    add("core/encode" + type, [=](benchmark::State& state) { encode(state, {dtype, d, n, 0}); });
    add("core/encode_topk" + type, [=](benchmark::State& state) { encode_topk(state, {dtype, d, n, k}); });
    add("core/encode_batch" + type + "/256", [=](benchmark::State& state) {
      encode_batch(state, {dtype, d, n, 0}, 256);
    });
  }
  add("core/encode_batch_topk/f32" + size + "/256", [=](benchmark::State& state) {
    encode_batch(state, {POLYSEM_F32, d, n, k}, 256);
  });
  for (const std::uint32_t count : {1u, 16u, 256u})
    add("core/watch/" + std::to_string(d) + "/" + std::to_string(count),
        [=](benchmark::State& state) { watch(state, d, count); });
}

}  // namespace polysem::bench
