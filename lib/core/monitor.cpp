#include <initializer_list>

#include "lib/core/state.hpp"

namespace polysem::core {

namespace {

/// e^x for |x| <= 88, within 2 units in the last place: x = k ln 2 + r, and the Taylor polynomial of e^r, |r|
/// <= 0.35. Its own, so that a score has the same bits with every C library.
float exponential(float x) {
  const auto k = static_cast<std::int32_t>(x * 1.44269504f + (x < 0 ? -0.5f : 0.5f));
  const auto whole = static_cast<float>(k);
  // ln 2 in two parts, the first with so few bits that its product with k is exact (Cody and Waite 1980).
  const float r = (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
  float sum = 1.0f / 5040;
  for (const float coefficient : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    sum = sum * r + coefficient;
  const auto bits = static_cast<std::uint32_t>(k + 127) << 23;
  float power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return sum * power;
}

float sigmoid(float z) {
  const float bounded = z > 87 ? 87 : z < -87 ? -87 : z;
  return 1 / (1 + exponential(-bounded));
}

/// Hits of one call.
struct HitList {
  polysem_hit* hits;
  std::size_t capacity, count;
  std::uint32_t position;

  void add(polysem_subject subject, std::size_t index, float value) {
    if (count < capacity)
      hits[count] = {position, static_cast<std::uint16_t>(subject), static_cast<std::uint16_t>(index), value};
    ++count;
  }
};

/// Brings a reading up to date; true where it turned active.
bool update(polysem_reading& reading, float value, bool active) {
  const bool hit = active && reading.active == 0;
  reading.value = value;
  reading.active = active;
  reading.hits += hit;
  reading.active_positions += active;
  return hit;
}

bool in_band(const polysem_reading& reading, float value, float on, float off) {
  return value > (reading.active != 0 ? off : on);
}

void update_watches(polysem_state& state, HitList& list) {
  for (std::size_t i = 0; i < state.watch_count; ++i) {
    const polysem_watch& watch = state.watches[i];
    polysem_reading& reading = state.readings[i];
    const float value = state.watch_values[i];
    if (update(reading, value, in_band(reading, value, watch.on, watch.off)))
      list.add(POLYSEM_WATCH, i, value);
  }
}

bool holds(const polysem_state& state, const Rule& rule) {
  const bool all = rule.kind == POLYSEM_ALL;
  for (std::uint32_t t = 0; t < rule.term_count; ++t) {
    const bool term = state.readings[rule.terms[t].watch].active != rule.terms[t].negated;
    if (term != all) return term;  // one that fails decides "all", one that holds decides "any"
  }
  return all;
}

void update_rules(polysem_state& state, HitList& list) {
  for (std::size_t i = 0; i < state.rule_count; ++i) {
    const bool active = holds(state, state.rules[i]);
    if (update(state.readings[state.watch_count + i], active, active)) list.add(POLYSEM_RULE, i, 1);
  }
}

void update_probes(polysem_state& state, HitList& list) {
  for (std::size_t i = 0; i < state.probe_count; ++i) {
    const Probe& probe = state.probes[i];
    float sum = probe.bias;
    for (std::uint32_t w = 0; w < probe.weight_count; ++w)
      sum += probe.weights[w].weight * state.readings[probe.weights[w].watch].value;
    const float score = sigmoid(sum);
    polysem_reading& reading = state.readings[state.watch_count + state.rule_count + i];
    if (update(reading, score, in_band(reading, score, probe.on, probe.off)))
      list.add(POLYSEM_PROBE, i, score);
  }
}

/// New values of the watches in state.watch_values. Nothing that lasts is touched before all of them are
/// finite.
bool watch(polysem_state& state, const polysem_in& x, std::size_t position) {
  if (!prepare(state, x, position) || !encode_listed(state, &state.watches->latent, sizeof(polysem_watch),
                                                     state.watch_count, state.watch_values, 1))
    return false;
  bool finite = true;
  for (std::size_t i = 0; i < state.watch_count; ++i) {
    const float smoothing = state.watches[i].smoothing;
    float& value = state.watch_values[i];
    value = smoothing * value + (1 - smoothing) * state.readings[i].value;
    finite &= is_finite(value);
  }
  return finite;
}

}  // namespace

}  // namespace polysem::core

using namespace polysem::core;

polysem_status polysem_observe(polysem_state* state, polysem_in x, polysem_hit* hits, size_t capacity,
                               size_t* count) {
  if (state == nullptr || count == nullptr || (hits == nullptr && capacity > 0)) return POLYSEM_BAD_ARGUMENT;
  if (x.data == nullptr && x.positions > 0) return POLYSEM_BAD_ARGUMENT;
  if (!fits(x, state->model->d_in)) return POLYSEM_BUFFER_TOO_SMALL;
  polysem_status status = POLYSEM_OK;
  HitList list = {hits, capacity, 0, 0};
  for (std::size_t p = 0; p < x.positions; ++p) {
    ++state->counters.positions;
    if (!watch(*state, x, p)) {
      status = skip(*state);
      continue;
    }
    list.position = static_cast<std::uint32_t>(p);
    update_watches(*state, list);
    update_rules(*state, list);
    update_probes(*state, list);
  }
  *count = list.count;
  return status;
}

polysem_status polysem_read(const polysem_state* state, polysem_subject subject, size_t index,
                            polysem_reading* reading) {
  if (state == nullptr || reading == nullptr || static_cast<unsigned>(subject) > POLYSEM_PROBE)
    return POLYSEM_BAD_ARGUMENT;
  const std::size_t counts[] = {state->watch_count, state->rule_count, state->probe_count};
  if (index >= counts[subject]) return POLYSEM_BAD_WATCH;
  for (int before = 0; before < subject; ++before) index += counts[before];
  *reading = state->readings[index];
  return POLYSEM_OK;
}

polysem_status polysem_reset(polysem_state* state) {
  if (state == nullptr) return POLYSEM_BAD_ARGUMENT;
  const std::size_t subjects = state->watch_count + state->rule_count + state->probe_count;
  if (subjects > 0) __builtin_memset(state->readings, 0, subjects * sizeof(polysem_reading));
  state->counters = {};
  return POLYSEM_OK;
}
