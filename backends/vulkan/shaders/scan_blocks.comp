// Sums of blocks of 2048 numbers.
#version 450
#extension GL_GOOGLE_include_directive : require
#define THREADS 256
layout(local_size_x = THREADS) in;
#include "scan.glsl"
layout(std430, binding = 0) readonly buffer In { uint numbers[]; };
layout(std430, binding = 1) writeonly buffer Result { uint sums[]; };
layout(push_constant) uniform Push { uint count, blocks, in_first, out_first; };

void main() {
  const uint block = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (block >= blocks) return;
  const uint first = block * 2048 + gl_LocalInvocationIndex * 8, end = min(first + 8, count);
  uint sum = 0, total;
  for (uint i = first; i < end; ++i) sum += numbers[in_first + i];
  group_scan(sum, total);
  if (gl_LocalInvocationIndex == 0) sums[out_first + block] = total;
}
