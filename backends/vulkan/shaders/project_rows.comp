// g -= (g . w) w, a work group a row.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
#include "group_sum.glsl"
layout(std430, binding = 0) readonly buffer Direction { float direction[]; };
layout(std430, binding = 1) readonly buffer Old { float old_gradient[]; };
layout(std430, binding = 2) writeonly buffer New { float new_gradient[]; };
layout(push_constant) uniform Push { uint rows, cols, w_first, w_stride, g_first, g_stride; };

void main() {
  const uint r = group_number();
  if (r >= rows) return;
  const uint w = w_first + r * w_stride, g = g_first + r * g_stride;
  float along = 0.0;
  for (uint c = gl_LocalInvocationIndex; c < cols; c += 64) along += old_gradient[g + c] * direction[w + c];
  along = group_sum(along);
  for (uint c = gl_LocalInvocationIndex; c < cols; c += 64)
    new_gradient[g + c] = old_gradient[g + c] - along * direction[w + c];
}
