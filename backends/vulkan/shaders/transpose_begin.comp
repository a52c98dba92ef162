// Exclusive sums of the counts [latents, chunks]: where each chunk writes each latent's entries; those of the first
// chunk are where the latents begin.
#version 450
#extension GL_GOOGLE_include_directive : require
#define THREADS 256
layout(local_size_x = THREADS) in;
#include "scan.glsl"
layout(std430, binding = 0) readonly buffer Counts { uint counts[]; };
layout(std430, binding = 1) readonly buffer Starts { uint starts[]; };
layout(std430, binding = 2) writeonly buffer Places { uint places[]; };
layout(std430, binding = 3) writeonly buffer Begin { uint begin[]; };
layout(push_constant) uniform Push {
  uint count, blocks, chunks, counts_first, starts_first, places_first, begin_first;
};

void main() {
  const uint block = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (block >= blocks) return;
  const uint first = block * 2048 + gl_LocalInvocationIndex * 8, end = min(first + 8, count);
  uint sum = 0, total;
  for (uint i = first; i < end; ++i) sum += counts[counts_first + i];
  uint place = starts[starts_first + block] + group_scan(sum, total);
  for (uint i = first; i < end; ++i) {
    places[places_first + i] = place;
    if (i % chunks == 0) begin[begin_first + i / chunks] = place;
    place += counts[counts_first + i];
    if (i == count - 1) begin[begin_first + count / chunks] = place;
  }
}
