// The output's part of the loss and its gradient, an invocation an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "toy.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Decoder { float decoder[]; };
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };
layout(std430, binding = 3) readonly buffer Importance { float importance[]; };
layout(std430, binding = 4) readonly buffer Hidden { float hidden[]; };
layout(std430, binding = 5) writeonly buffer OutputGrad { float output_grad[]; };
layout(std430, binding = 6) writeonly buffer Losses { float losses[]; };

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= instances * features * batch) return;
  const uint row = i / batch, s = i % batch, instance = row / features, f = row % features;
  float z = bias[bias_first + instance * bias_stride + f];
  for (uint k = 0; k < dims; ++k)
    z += TOY_DECODER(decoder, instance, f, k) * hidden[hidden_first + (instance * dims + k) * batch + s];
  const bool passes = !RELU_OUTPUT || z > 0.0;
  const float input_value = x[x_first + row * x_stride + s];
  const float error = (passes ? z : silenced(z)) - (ABSOLUTE_TARGET ? abs(input_value) : input_value);
  const float weight = scale * importance[importance_first + instance * importance_stride + f];
  losses[losses_first + i] = weight * error * error;
  output_grad[output_grad_first + i] = passes ? 2.0 * weight * error : 0.0;
}
