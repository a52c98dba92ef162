// One work group: of each row the ties in the rows before it, and where its entries begin.
#version 450
#extension GL_GOOGLE_include_directive : require

#define THREADS 256
layout(local_size_x = THREADS) in;
#include "scan.glsl"
layout(std430, binding = 0) readonly buffer Counts { uint counts[]; };  // [2, rows]: above, equal
layout(std430, binding = 1) readonly buffer State { uint state[]; };
layout(std430, binding = 2) writeonly buffer TiesBefore { uint ties_before[]; };
layout(std430, binding = 3) writeonly buffer Offsets { uint offsets[]; };
layout(std430, binding = 4) writeonly buffer Threshold { float threshold[]; };
layout(push_constant) uniform Push {
  uint rows, counts_first, counts_stride, state_first, ties_first, offsets_first, threshold_first;
};

void main() {
  const uint t = gl_LocalInvocationIndex, part = (rows + THREADS - 1) / THREADS;
  const uint first = min(t * part, rows), end = min(first + part, rows), ties = state[state_first + 1];
  uint equal = 0, total;
  for (uint r = first; r < end; ++r) equal += counts[counts_first + counts_stride + r];
  const uint before = group_scan(equal, total);
  uint tie = before, taken = 0;
  for (uint r = first; r < end; ++r) {
    ties_before[ties_first + r] = tie;
    const uint here = counts[counts_first + counts_stride + r];
    taken += counts[counts_first + r] + min(here, ties - min(ties, tie));
    tie += here;
  }
  uint place = group_scan(taken, total);
  tie = before;
  for (uint r = first; r < end; ++r) {
    offsets[offsets_first + r] = place;
    const uint here = counts[counts_first + counts_stride + r];
    place += counts[counts_first + r] + min(here, ties - min(ties, tie));
    tie += here;
  }
  if (t != 0) return;
  offsets[offsets_first + rows] = total;
  threshold[threshold_first] = ties > 0u ? uintBitsToFloat(state[state_first]) : 0.0;
}
