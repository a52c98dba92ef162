#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/micro/settings.hpp"
#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"

namespace polysem::bench {

namespace {

Array random(Executor& executor, std::int64_t rows, std::int64_t cols, float scale, std::uint32_t substream) {
  Array array = executor.make(rows, cols);
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal,
                          .rows = rows,
                          .cols = cols,
                          .scale = scale,
                          .substream = substream},
               {.out = array});
  return array;
}

Array copy_as(Executor& executor, const Array& from, DType type) {
  Array copy = executor.make(from.rows(), from.cols(), type);
  executor.run(Elementwise{.rows = from.rows(), .cols = from.cols()}, {.a = from, .b = {}, .out = copy});
  return copy;
}

// Parameters and one batch of a TopK coder, random, with what the parts of a step hand to each other.
struct Coder {
  Executor executor;
  CoderSize size;
  Array x, w_enc, w_dec, b_enc, bias;
  std::map<DType, Array> low_enc, low_dec;
  Array m_enc, v_enc, m_dec, v_dec, m_b, v_b, input_gradient;
  Array values, ids, error, row_loss, gradient, begin, entries, entry_rows;

  explicit Coder(const CoderSize& s) : executor(backend()), size(s) {
    const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(s.d)));
    x = random(executor, s.batch, s.d, 1.0f, 1);
    w_enc = random(executor, s.n, s.d, scale, 2), w_dec = random(executor, s.n, s.d, scale, 3);
    for (const Precision p : backend().info().precisions) {
      const DType type = storage_type(p);
      if (type == DType::kF32) continue;
      low_enc[type] = copy_as(executor, w_enc, type), low_dec[type] = copy_as(executor, w_dec, type);
    }
    b_enc = executor.zeros(1, s.n), bias = executor.zeros(1, s.d), input_gradient = executor.zeros(1, s.d);
    m_enc = executor.zeros(s.n, s.d), v_enc = executor.zeros(s.n, s.d);
    m_dec = executor.zeros(s.n, s.d), v_dec = executor.zeros(s.n, s.d);
    m_b = executor.zeros(1, s.n), v_b = executor.zeros(1, s.n);
    const std::int64_t entries_count = s.batch * s.k;
    values = executor.make(1, entries_count), ids = executor.make(1, entries_count, DType::kI32);
    error = executor.make(s.batch, s.d), row_loss = executor.make(1, s.batch);
    gradient = executor.make(1, entries_count), begin = executor.make(1, s.n + 1, DType::kI32);
    entries = executor.make(1, entries_count, DType::kI32);
    entry_rows = executor.make(1, entries_count, DType::kI32);
    encode(Precision::kF32), decode(Precision::kF32), grad_values(Precision::kF32), transpose();
  }

  const Array& encoder(Precision p) const {
    return storage_type(p) == DType::kF32 ? w_enc : low_enc.at(storage_type(p));
  }
  const Array& decoder(Precision p) const {
    return storage_type(p) == DType::kF32 ? w_dec : low_dec.at(storage_type(p));
  }

  void encode(Precision p) {
    const EncodeTopK op{.rows = size.batch, .d_in = size.d, .latents = size.n, .k = size.k, .precision = p};
    executor.run(op, {.x = x,
                      .w_enc = encoder(p),
                      .b_enc = b_enc,
                      .scale = {},
                      .candidates = {},
                      .values = values,
                      .ids = ids,
                      .nonfinite = {}});
  }
  void decode(Precision p) {
    SparseDecode op{.rows = size.batch, .latents = size.n, .d_out = size.d, .k = size.k};
    op.capacity = size.batch * size.k;
    executor.run(op, {.values = values,
                      .ids = ids,
                      .row_offsets = {},
                      .w_dec = decoder(p),
                      .bias = bias,
                      .base = {},
                      .target = x,
                      .output = {},
                      .error = error,
                      .row_loss = row_loss});
  }
  void grad_values(Precision p) {
    SparseGradValues op{.rows = size.batch, .latents = size.n, .d_out = size.d, .k = size.k};
    op.capacity = size.batch * size.k;
    executor.run(op, {.error = error,
                      .w_dec = decoder(p),
                      .values = values,
                      .ids = ids,
                      .row_offsets = {},
                      .gradient = gradient});
  }
  void transpose() {
    const TransposeCodes op{
        .rows = size.batch, .latents = size.n, .k = size.k, .capacity = size.batch * size.k};
    executor.run(op, {.values = values,
                      .ids = ids,
                      .row_offsets = {},
                      .begin = begin,
                      .entries = entries,
                      .entry_rows = entry_rows});
  }
  void update(Precision p) {
    LatentUpdate op{.rows = size.batch, .latents = size.n, .d_in = size.d, .d_out = size.d};
    op.capacity = size.batch * size.k, op.unit_norm = true, op.adam.rate = 1e-4f;
    LatentUpdate::Operands t{};
    t.begin = begin, t.entries = entries, t.entry_rows = entry_rows, t.values = values, t.gradient = gradient;
    t.error = error, t.x = x, t.w_enc = w_enc, t.w_dec = w_dec, t.b_enc = b_enc;
    t.m_enc = m_enc, t.v_enc = v_enc, t.m_dec = m_dec, t.v_dec = v_dec, t.m_b = m_b, t.v_b = v_b;
    t.input_gradient = input_gradient;
    if (storage_type(p) != DType::kF32) t.w_enc_low = encoder(p), t.w_dec_low = decoder(p);
    executor.run(op, t);
  }
};

using Run = void (*)(benchmark::State&, Coder&, Precision);

double weights(const Coder& c) { return static_cast<double>(c.size.n * c.size.d); }
double samples(const Coder& c) { return static_cast<double>(c.size.batch * c.size.d); }
double bytes_of(Precision p) { return static_cast<double>(size_of(storage_type(p))); }

void encode(benchmark::State& state, Coder& c, Precision p) {
  const double floor = 2.0 * weights(c) * static_cast<double>(c.size.batch) / product_rate(p);
  measure(state, c.executor, floor, [&] { c.encode(p); });
}

// The floor reads every decoder row once: more reuse of a row than that there is not.
void decode(benchmark::State& state, Coder& c, Precision p) {
  const double floor = (bytes_of(p) * weights(c) + 8.0 * samples(c)) / memory_bandwidth();
  measure(state, c.executor, floor, [&] { c.decode(p); });
}

void grad_values(benchmark::State& state, Coder& c, Precision p) {
  const double floor = (bytes_of(p) * weights(c) + 4.0 * samples(c)) / memory_bandwidth();
  measure(state, c.executor, floor, [&] { c.grad_values(p); });
}

// Reads values and ids, writes two places for each.
void transpose(benchmark::State& state, Coder& c, Precision) {
  const double floor = 16.0 * static_cast<double>(c.size.batch * c.size.k) / memory_bandwidth();
  measure(state, c.executor, floor, [&] { c.transpose(); });
}

// Weights and two moments of both matrices, read and written; low-precision copies written.
void update(benchmark::State& state, Coder& c, Precision p) {
  const double floor = (storage_type(p) == DType::kF32 ? 48.0 : 52.0) * weights(c) / memory_bandwidth();
  measure(state, c.executor, floor, [&] { c.update(p); });
}

void add_size(const CoderSize& s) {
  struct Part {
    const char* name;
    Run run;
  };
  const auto made =
      std::make_shared<std::unique_ptr<Coder>>();  // one for all parts, made when the first runs
  for (const Part& part : {Part{"encode", encode}, Part{"decode", decode}, Part{"grad_values", grad_values},
                           Part{"transpose", transpose}, Part{"update", update}}) {
    for (const Precision p : backend().info().precisions) {
      const std::string sizes = std::to_string(s.d) + "/" + std::to_string(s.n) + "/" +
                                std::to_string(s.batch) + "/" + std::to_string(s.k);
      add(std::string(part.name) + "/" + std::string(name(p)) + "/" + sizes, [=](benchmark::State& state) {
        if (!*made) *made = std::make_unique<Coder>(s);
        part.run(state, **made, p);
      });
    }
  }
}

}  // namespace

void add_coder_benchmarks() {
  add_size({576, 8192, 2048, 32});
  add_size({768, 24576, 4096, 32});
  const Settings& asked = settings();
  if (asked.d > 0) add_size({asked.d, asked.n, asked.batch, asked.k});
}

}  // namespace polysem::bench
