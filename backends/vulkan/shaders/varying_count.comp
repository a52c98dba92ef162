// A work group a row: how many entries of either kind it has.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "varying.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 4) writeonly buffer Counts { uint counts[]; };  // [2, all rows]
layout(push_constant) uniform Push {
  VARYING_PUSH;
  uint counts_first, counts_stride;
};
#include "varying_kind.glsl"
shared uint sums[2];

void main() {
  const uint r = group_number(), t = gl_LocalInvocationIndex;
  if (r >= rows) return;
  if (t < 2) sums[t] = 0;
  barrier();
  uint first = 0, second = 0;
  if (bad[bad_first + r] == 0u) {
    for (uint j = t; j < n; j += 64) {
      const uint kind = kind_of(r, j);
      first += kind & kFirst;
      second += kind >> 1;
    }
  }
  atomicAdd(sums[0], first);
  atomicAdd(sums[1], second);
  barrier();
  if (t < 2) counts[counts_first + t * counts_stride + r] = sums[t];
}
