// The gradient of the hidden layer, an invocation an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "toy.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Decoder { float decoder[]; };
layout(std430, binding = 1) readonly buffer Hidden { float hidden[]; };
layout(std430, binding = 2) readonly buffer OutputGrad { float output_grad[]; };
layout(std430, binding = 3) writeonly buffer HiddenGrad { float hidden_grad[]; };

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= instances * dims * batch) return;
  const uint row = i / batch, s = i % batch, instance = row / dims, k = row % dims;
  float sum = 0.0;
  for (uint f = 0; f < features; ++f)
    sum += TOY_DECODER(decoder, instance, f, k) *
           output_grad[output_grad_first + (instance * features + f) * batch + s];
  hidden_grad[hidden_grad_first + i] = RELU_HIDDEN && !(hidden[hidden_first + i] > 0.0) ? 0.0 : sum;
}
