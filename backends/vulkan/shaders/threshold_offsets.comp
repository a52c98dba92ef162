// One work group: where the lists of some rows begin, going on from where the rows before them end. A list may be
// longer than 32 bits count; then the sums stay at the largest number.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Counts { uint counts[]; };
layout(std430, binding = 1) readonly buffer Before { uint before[]; };
layout(std430, binding = 2) writeonly buffer Starts { uint starts[]; };
layout(push_constant) uniform Push { uint rows, counts_first, before_first, starts_first, has_before; };
shared uint parts[64];

uint add(uint a, uint b) { return a > 0xffffffffu - b ? 0xffffffffu : a + b; }

void main() {
  const uint t = gl_LocalInvocationIndex, part = (rows + 63) / 64;
  const uint first = min(t * part, rows), end = min(first + part, rows);
  uint sum = 0;
  for (uint r = first; r < end; ++r) sum = add(sum, counts[counts_first + r]);
  parts[t] = sum;
  barrier();
  uint start = has_before != 0u ? before[before_first] : 0u;
  for (uint i = 0; i < t; ++i) start = add(start, parts[i]);
  if (t == 0) starts[starts_first] = start;
  for (uint r = first; r < end; ++r) {
    start = add(start, counts[counts_first + r]);
    starts[starts_first + r + 1] = start;
  }
}
