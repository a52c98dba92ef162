// A work group a row of pre-activations: 1 where one of them is NaN or infinite; counts such rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer H { float h[]; };
layout(std430, binding = 1) writeonly buffer Bad { uint bad[]; };
layout(std430, binding = 2) buffer Nonfinite { uint nonfinite[]; };
layout(push_constant) uniform Push { uint rows, n, h_first, h_stride, bad_first, nonfinite_first, has_nonfinite; };
shared uint found;

void main() {
  const uint r = group_number(), t = gl_LocalInvocationIndex;
  if (r >= rows) return;
  if (t == 0) found = 0;
  barrier();
  bool finite = true;
  for (uint i = t; i < n; i += 64) finite = finite && is_finite(h[h_first + r * h_stride + i]);
  if (!finite) found = 1;
  barrier();
  if (t != 0) return;
  bad[bad_first + r] = found;
  if (found != 0u && has_nonfinite != 0u) atomicAdd(nonfinite[nonfinite_first], 1u);
}
