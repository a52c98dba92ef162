// A work group 32 rows: counts the next eight bits of the keys that begin as those found so far.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "varying.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 4) writeonly buffer Histograms { uint histograms[]; };  // [work groups, 256]
layout(push_constant) uniform Push {
  VARYING_PUSH;
  uint shift, histograms_first;
};
shared uint counts[256];

void main() {
  const uint t = gl_LocalInvocationIndex, first = group_number() * 32;
  if (first >= rows) return;
  for (uint i = t; i < 256; i += 64) counts[i] = 0;
  barrier();
  const uint prefix = shift == 24u ? 0u : state[state_first] >> (shift + 8u);
  for (uint r = first; r < min(first + 32, rows); ++r) {
    if (bad[bad_first + r] != 0u) continue;
    for (uint j = t; j < n; j += 64) {
      const uint key = rank_key(h[h_first + r * h_stride + j], j, has_per_latent != 0u, per_latent_first);
      if (key != 0u && (shift == 24u || key >> (shift + 8u) == prefix)) atomicAdd(counts[(key >> shift) & 255u], 1u);
    }
  }
  barrier();
  for (uint i = t; i < 256; i += 64) histograms[histograms_first + group_number() * 256 + i] = counts[i];
}
