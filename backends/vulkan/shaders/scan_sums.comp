// Exclusive sums of all blocks' sums, by one work group.
#version 450
#extension GL_GOOGLE_include_directive : require
#define THREADS 256
layout(local_size_x = THREADS) in;
#include "scan.glsl"
layout(std430, binding = 0) readonly buffer In { uint numbers[]; };
layout(std430, binding = 1) writeonly buffer Result { uint starts[]; };
layout(push_constant) uniform Push { uint blocks, in_first, out_first; };

void main() {
  const uint part = (blocks + 255) / 256;
  const uint first = gl_LocalInvocationIndex * part, end = min(first + part, blocks);
  uint sum = 0, total;
  for (uint i = first; i < end; ++i) sum += numbers[in_first + i];
  uint start = group_scan(sum, total);
  for (uint i = first; i < end; ++i) {
    starts[out_first + i] = start;
    start += numbers[in_first + i];
  }
}
