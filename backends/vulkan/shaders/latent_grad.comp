// Gradient rows, a work group a latent: scale * sum of weight * source row over its list.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "latent_list.glsl"

layout(local_size_x = 64) in;
LIST_BINDINGS(0, 1, 2, 3, 4, main)
layout(std430, binding = 5) readonly buffer Before { float before[]; };
layout(std430, binding = 6) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  LIST_PUSH(main);
  uint latents, d, out_first, out_stride, accumulate;
};
LIST_SUMS(main)

void main() {
  const uint j = group_number();
  if (j >= latents) return;
  for (uint c = gl_LocalInvocationIndex; c < d; c += 64) {
    const uint at = out_first + j * out_stride + c;
    float sum = main_sum(j, c);
    if (accumulate != 0u) sum += before[at];
    result[at] = sum;
  }
}
