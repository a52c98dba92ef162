#include "lib/core/state.hpp"

namespace polysem::core {

namespace {

constexpr std::size_t kMostWatches = 65535;

/// Hands out pieces of the caller's memory, or, without memory, adds up what they take.
class Memory {
 public:
  explicit Memory(unsigned char* begin) : begin_(begin) {}

  template <class T>
  T* take(std::size_t count) {
    std::size_t bytes, end;
    const std::size_t at = used_;
    if (__builtin_mul_overflow(count, sizeof(T), &bytes) || __builtin_add_overflow(at, bytes, &end) ||
        __builtin_add_overflow(end, std::size_t{POLYSEM_ALIGNMENT - 1}, &end)) {
      overflow_ = true;
      return nullptr;
    }
    used_ = end & ~std::size_t{POLYSEM_ALIGNMENT - 1};
    return begin_ != nullptr ? reinterpret_cast<T*>(begin_ + at) : nullptr;
  }

  template <class T>
  T* copy(const T* from, std::size_t count) {
    T* to = take<T>(count);
    if (to != nullptr && count > 0) __builtin_memcpy(to, from, count * sizeof(T));
    return to;
  }

  std::size_t used() const { return used_; }
  bool overflow() const { return overflow_; }

 private:
  unsigned char* begin_;
  std::size_t used_ = 0;
  bool overflow_ = false;
};

bool is_band(float on, float off) { return is_finite(on) && is_finite(off) && off <= on; }

polysem_status check_watches(const polysem_model& model, const polysem_config& config) {
  if (config.watch_count > 0 && config.watches == nullptr) return POLYSEM_BAD_ARGUMENT;
  for (std::size_t i = 0; i < config.watch_count; ++i) {
    const polysem_watch& watch = config.watches[i];
    if (watch.latent >= model.latents) return POLYSEM_BAD_LATENT;
    if (!(watch.smoothing > 0 && watch.smoothing <= 1)) return POLYSEM_BAD_ARGUMENT;
    if (!is_band(watch.on, watch.off)) return POLYSEM_BAD_WATCH;
  }
  return POLYSEM_OK;
}

polysem_status check_rules(const polysem_config& config) {
  if (config.rule_count > 0 && config.rules == nullptr) return POLYSEM_BAD_ARGUMENT;
  for (std::size_t i = 0; i < config.rule_count; ++i) {
    const polysem_rule& rule = config.rules[i];
    if (rule.terms == nullptr || rule.term_count - 1 >= kMostWatches) return POLYSEM_BAD_ARGUMENT;
    if (rule.kind != POLYSEM_ALL && rule.kind != POLYSEM_ANY) return POLYSEM_BAD_ARGUMENT;
    for (std::size_t t = 0; t < rule.term_count; ++t) {
      if (rule.terms[t].watch >= config.watch_count) return POLYSEM_BAD_WATCH;
      if (rule.terms[t].negated > 1) return POLYSEM_BAD_ARGUMENT;
    }
  }
  return POLYSEM_OK;
}

polysem_status check_probes(const polysem_config& config) {
  if (config.probe_count > 0 && config.probes == nullptr) return POLYSEM_BAD_ARGUMENT;
  for (std::size_t i = 0; i < config.probe_count; ++i) {
    const polysem_probe& probe = config.probes[i];
    if (probe.weights == nullptr || probe.weight_count - 1 >= kMostWatches) return POLYSEM_BAD_ARGUMENT;
    if (!is_finite(probe.bias)) return POLYSEM_BAD_ARGUMENT;
    if (!is_band(probe.on, probe.off)) return POLYSEM_BAD_WATCH;
    for (std::size_t w = 0; w < probe.weight_count; ++w) {
      if (probe.weights[w].watch >= config.watch_count) return POLYSEM_BAD_WATCH;
      if (!is_finite(probe.weights[w].weight)) return POLYSEM_BAD_ARGUMENT;
    }
  }
  return POLYSEM_OK;
}

polysem_status check(const polysem_model* model, const polysem_config& config) {
  if (model == nullptr || model->encoder == nullptr) return POLYSEM_BAD_ARGUMENT;
  if (config.watch_count > kMostWatches || config.rule_count > kMostWatches ||
      config.probe_count > kMostWatches)
    return POLYSEM_BAD_ARGUMENT;
  polysem_status status = check_watches(*model, config);
  if (status == POLYSEM_OK) status = check_rules(config);
  if (status == POLYSEM_OK) status = check_probes(config);
  return status;
}

void lay_out_batch(polysem_state& state, Memory& memory) {
  const Kernels& kernels = *state.kernels;
  std::size_t padded_batch, numbers;
  if (__builtin_add_overflow(state.batch, kernels.tile_positions - 1, &padded_batch))
    padded_batch = ~std::size_t{0};
  padded_batch -= padded_batch % kernels.tile_positions;
  if (__builtin_mul_overflow(padded_batch, std::size_t{state.model->d_in}, &numbers))
    numbers = ~std::size_t{0};
  state.panels = memory.take<float>(numbers);
  state.unpacked = memory.take<float>(kTilesTogether * kernels.tile_rows * state.in_elements);
  state.tile = memory.take<float>(kTilesTogether * kernels.tile_rows * kernels.tile_positions);
  state.skipped = memory.take<unsigned char>(padded_batch);
}

void lay_out_monitor(polysem_state& state, const polysem_config& config, Memory& memory, bool write) {
  state.watch_count = config.watch_count;
  state.rule_count = config.rule_count;
  state.probe_count = config.probe_count;
  state.watches = memory.copy(config.watches, config.watch_count);
  state.rules = memory.take<Rule>(config.rule_count);
  state.probes = memory.take<Probe>(config.probe_count);
  state.watch_values = memory.take<float>(config.watch_count);
  state.readings = memory.take<polysem_reading>(config.watch_count + config.rule_count + config.probe_count);
  for (std::size_t i = 0; i < config.rule_count; ++i) {
    const polysem_rule& rule = config.rules[i];
    const polysem_term* terms = memory.copy(rule.terms, rule.term_count);
    if (write) state.rules[i] = {rule.kind, static_cast<std::uint32_t>(rule.term_count), terms};
  }
  for (std::size_t i = 0; i < config.probe_count; ++i) {
    const polysem_probe& probe = config.probes[i];
    const polysem_weight* weights = memory.copy(probe.weights, probe.weight_count);
    if (write)
      state.probes[i] = {probe.bias, probe.on, probe.off, static_cast<std::uint32_t>(probe.weight_count),
                         weights};
  }
}

/// The one place that says what a state consists of. Without `begin` it only counts; false: more than memory
/// has.
bool lay_out(const polysem_model& model, const polysem_config& config, unsigned char* begin,
             std::size_t& bytes) {
  Memory memory(begin);
  polysem_state counted = {};
  polysem_state* place = memory.take<polysem_state>(1);
  polysem_state& state = place != nullptr ? *place : counted;
  state.model = &model;
  state.kernels = &choose_kernels();
  state.in_elements = row_elements(model.d_in), state.out_elements = row_elements(model.d_out);
  state.encoder_row_bytes = static_cast<std::size_t>(row_bytes(model.encoder_dtype, model.d_in));
  state.decoder_row_bytes = static_cast<std::size_t>(row_bytes(model.decoder_dtype, model.d_out));
  state.input = memory.take<float>(state.in_elements);
  state.sum = memory.take<float>(state.out_elements);
  state.code_latents = memory.take<std::uint32_t>(model.k);
  state.code_values = memory.take<float>(model.k);
  if (config.batch > 1) {
    state.batch = config.batch;
    lay_out_batch(state, memory);
  }
  lay_out_monitor(state, config, memory, begin != nullptr);
  bytes = memory.used();
  return !memory.overflow();
}

}  // namespace

}  // namespace polysem::core

polysem_status polysem_state_size(const polysem_model* model, const polysem_config* config, size_t* bytes) {
  const polysem_config none = {};
  if (config == nullptr) config = &none;
  if (bytes == nullptr) return POLYSEM_BAD_ARGUMENT;
  const polysem_status status = polysem::core::check(model, *config);
  if (status != POLYSEM_OK) return status;
  return polysem::core::lay_out(*model, *config, nullptr, *bytes) ? POLYSEM_OK : POLYSEM_BAD_ARGUMENT;
}

polysem_status polysem_state_init(const polysem_model* model, const polysem_config* config, void* memory,
                                  size_t bytes, polysem_state** state) {
  const polysem_config none = {};
  if (config == nullptr) config = &none;
  if (memory == nullptr || state == nullptr) return POLYSEM_BAD_ARGUMENT;
  if (reinterpret_cast<std::uintptr_t>(memory) % POLYSEM_ALIGNMENT != 0) return POLYSEM_BAD_ALIGNMENT;
  std::size_t needed = 0;
  const polysem_status status = polysem_state_size(model, config, &needed);
  if (status != POLYSEM_OK) return status;
  if (needed > bytes) return POLYSEM_BUFFER_TOO_SMALL;
  __builtin_memset(memory, 0, needed);
  polysem::core::lay_out(*model, *config, static_cast<unsigned char*>(memory), needed);
  *state = static_cast<polysem_state*>(memory);
  return POLYSEM_OK;
}

polysem_status polysem_get_counters(const polysem_state* state, polysem_counters* counters) {
  if (state == nullptr || counters == nullptr) return POLYSEM_BAD_ARGUMENT;
  *counters = state->counters;
  return POLYSEM_OK;
}
