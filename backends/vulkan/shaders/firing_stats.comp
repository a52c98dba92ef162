#version 450
layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Begin { uint begin[]; };
layout(std430, binding = 1) readonly buffer Counts { float counts[]; };
layout(std430, binding = 2) readonly buffer OldFired { uint old_fired[]; };
layout(std430, binding = 3) writeonly buffer NewFired { uint new_fired[]; };
layout(std430, binding = 4) readonly buffer OldSince { uint old_since[]; };
layout(std430, binding = 5) writeonly buffer NewSince { uint new_since[]; };
layout(push_constant) uniform Push {
  uint latents, rows, dense, begin_first, counts_first, fired_first, since_first;
};

uint saturating_add(uint a, uint b) { return a > 0xffffffffu - b ? 0xffffffffu : a + b; }

void main() {
  const uint j = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64 + gl_LocalInvocationIndex;
  if (j >= latents) return;
  const uint count =
      dense != 0u ? uint(counts[counts_first + j]) : begin[begin_first + j + 1] - begin[begin_first + j];
  new_fired[fired_first + j] = saturating_add(old_fired[fired_first + j], count);
  new_since[since_first + j] = count > 0u ? 0u : saturating_add(old_since[since_first + j], rows);
}
