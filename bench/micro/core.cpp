#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"
#include "lib/core/model_format.hpp"
#include "polysem/core_file.hpp"
#include "polysem/error.hpp"

// polysem::core on one core. Weights come from memory, not from a cache: calls take turns at copies of the
// model that are together far larger than the caches, as a host that computes its own layers in between makes
// it.
namespace polysem::bench {

namespace {

constexpr std::size_t kBeyondCaches = std::size_t{256} << 20;

struct Shape {
  polysem_dtype dtype;
  std::uint32_t d, n, k;  // k 0: JumpReLU
};

void check(polysem_status status) {
  if (status != POLYSEM_OK) throw Error(ErrorCode::kFailed, polysem_status_text(status));
}

/// A file with weights that look random, of whose latents about one in a hundred is active.
std::vector<std::byte> model_file(const Shape& shape) {
  std::uint32_t state = 1;
  const auto numbers = [&state](std::size_t count) {  // uniform in [-1, 1)
    std::vector<float> values(count);
    for (float& value : values)
      value =
          static_cast<float>(static_cast<int>((state = state * 1664525u + 1013904223u) >> 8) - (1 << 23)) *
          0x1p-23f;
    return values;
  };
  CoreCoder coder;
  coder.activation = shape.k > 0 ? POLYSEM_TOPK : POLYSEM_JUMPRELU;
  coder.d_in = coder.d_out = shape.d, coder.latents = coder.source_latents = shape.n, coder.k = shape.k;
  coder.w_enc = numbers(std::size_t{shape.n} * shape.d);
  coder.w_dec = coder.w_enc;
  coder.b_enc.assign(shape.n, 0), coder.b_dec.assign(shape.d, 0);
  // A product of uniform numbers has the variance 1/9; 2.3 standard deviations of their sum are rare.
  if (shape.k == 0) coder.threshold.assign(shape.n, 2.3f * std::sqrt(static_cast<float>(shape.d) / 9));
  return core_file_bytes(coder, shape.dtype);
}

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
  std::vector<std::unique_ptr<CoreModel>> models;
  std::vector<std::unique_ptr<CoreState>> states;
  std::size_t next = 0;

  Turns(const Shape& shape, double bytes_read, const polysem_config& config) {
    const auto file = model_file(shape);
    for (double bytes = 0; bytes < static_cast<double>(kBeyondCaches); bytes += bytes_read) {
      models.push_back(std::make_unique<CoreModel>(file, "model"));
      states.push_back(std::make_unique<CoreState>(*models.back(), config));
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
double seconds_of(Step&& step) {
  const auto begin = std::chrono::steady_clock::now();
  step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class Step>
void measure_one_core(benchmark::State& state, double floor_seconds, Step&& step) {
  step();
  std::vector<double> times;
  for ([[maybe_unused]] auto _ : state) {
    times.push_back(seconds_of(step));
    state.SetIterationTime(times.back());
  }
  const double fastest = *std::min_element(times.begin(), times.end());
  state.counters["median_seconds"] = median(times);
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

// Floor: the encoder read once. `selection_share` is what choosing the k largest adds, of the time without:
// calls with and without it in turn, which is with room for no code at all.
void encode_topk(benchmark::State& state, Shape shape) {
  Turns turns(shape, encoder_bytes(shape), {});
  constexpr std::size_t kInputs = 64;  // so many that the processor does not learn where branches go
  const auto x = inputs(kInputs * shape.d);
  std::vector<std::uint32_t> latents(shape.k);
  std::vector<float> values(shape.k);
  std::uint32_t count = 0;
  std::size_t position = 0;
  polysem_codes codes = {latents.data(), values.data(), &count, 1, shape.k};
  const auto step = [&] {
    const float* at = x.data() + (position++ % kInputs) * shape.d;
    check(polysem_encode_sparse(turns.state(), polysem_one(at, shape.d), &codes));
  };
  measure_one_core(state, encoder_bytes(shape) / read_bandwidth(), step);
  std::vector<double> with, without;
  for (int pair = 0; pair < 300; ++pair) {
    codes.capacity = shape.k;
    with.push_back(seconds_of(step));
    codes.capacity = 0;
    without.push_back(seconds_of(step));
  }
  state.counters["selection_share"] = median(with) / median(without) - 1;
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
  const CoreModel model(model_file(shape), "model");
  const CoreState memory(model, config);
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
    const std::string type = "/" + std::string(name(dtype)) + size;
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
