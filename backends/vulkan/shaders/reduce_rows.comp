// A work group reduces one segment of one row.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "reduce.glsl"

layout(local_size_x = 64) in;
shared float parts[64];

void main() {
  const uint t = gl_LocalInvocationIndex, number = group_number();
  const uint r = number / segments, part = number % segments;
  if (r >= rows) return;
  const uint end = min(part * segment + segment, cols);
  float total = nothing();
  for (uint c = part * segment + t; c < end; c += 64) total = join(total, term(r, c));
  parts[t] = total;
  barrier();
  for (uint step = 32; step > 0; step >>= 1) {
    if (t < step) parts[t] = join(parts[t], parts[t + step]);
    barrier();
  }
  if (t == 0) put(r, part, parts[0]);
}
