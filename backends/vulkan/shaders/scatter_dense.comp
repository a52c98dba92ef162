// A work group a row: zeros, then the entries.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "codes_bindings.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 3) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  CODES_PUSH;
  uint rows, latents, out_first, out_stride;
};
#include "codes.glsl"

void main() {
  const uint r = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (r >= rows) return;
  const uint t = gl_LocalInvocationIndex, at = out_first + r * out_stride;
  for (uint j = t; j < latents; j += 64) result[at + j] = 0.0;
  memoryBarrierBuffer();
  barrier();
  for (uint e = row_begin(r) + t; e < row_end(r); e += 64)
    if (code_latent(e) < latents) result[at + code_latent(e)] = code_value(e);
}
