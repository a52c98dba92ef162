// A work group a row: writes its entries in ascending order of the latent, a thread a stretch of latents.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "varying.glsl"

#define THREADS 64
layout(local_size_x = THREADS) in;
#include "scan.glsl"
layout(constant_id = 1) const bool BAND = false;  // of EncodeThreshold the second list
layout(std430, binding = 4) readonly buffer Starts { uint starts[]; };
layout(std430, binding = 5) readonly buffer TiesBefore { uint ties_before[]; };
layout(std430, binding = 6) writeonly buffer Values { float values[]; };
layout(std430, binding = 7) writeonly buffer Ids { uint ids[]; };
layout(push_constant) uniform Push {
  VARYING_PUSH;
  uint starts_first, ties_first, values_first, ids_first, capacity;
  float band_value;
};
#include "varying_kind.glsl"

bool taken(uint kind, inout uint tie) {
  if (!BATCH) return (kind & (BAND ? kSecond : kFirst)) != 0u;
  return kind == kFirst || kind == kSecond && tie++ < state[state_first + 1];
}

void main() {
  const uint r = group_number(), t = gl_LocalInvocationIndex, part = (n + THREADS - 1) / THREADS;
  if (r >= rows || bad[bad_first + r] != 0u) return;
  const uint first = min(t * part, n), end = min(first + part, n);
  uint tie = 0, total;
  if (BATCH) {
    uint equal = 0;
    for (uint j = first; j < end; ++j) equal += kind_of(r, j) >> 1;
    tie = ties_before[ties_first + r] + group_scan(equal, total);
  }
  uint count = 0, counting = tie;
  for (uint j = first; j < end; ++j) count += taken(kind_of(r, j), counting) ? 1 : 0;
  uint place = starts[starts_first + r] + group_scan(count, total);
  for (uint j = first; j < end; ++j) {
    if (!taken(kind_of(r, j), tie)) continue;
    if (place < capacity) {
      ids[ids_first + place] = j;
      values[values_first + place] = BAND ? band_value : h[h_first + r * h_stride + j];
    }
    ++place;
  }
}
