// Gradients of the latents' biases, a thread a latent: the sum of its entries' gradients, of both lists.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "latent_list.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool AUX = false;
LIST_BINDINGS(0, 1, 2, 3, 4, main)
LIST_BINDINGS(5, 6, 7, 8, 9, aux)
layout(std430, binding = 10) readonly buffer Before { float before[]; };
layout(std430, binding = 11) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  LIST_PUSH(main);
  LIST_PUSH(aux);
  uint latents, out_first, accumulate;
};
LIST_SUMS(main)
LIST_SUMS(aux)

void main() {
  const uint j = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (j >= latents) return;
  float sum = main_plain_sum(j);
  if (AUX) sum += aux_plain_sum(j);
  if (accumulate != 0u) sum += before[out_first + j];
  result[out_first + j] = sum;
}
