// Bits everywhere.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool HALF = false;  // elements of 2 bytes
layout(std430, binding = 0) writeonly buffer Words { uint words[]; };
layout(std430, binding = 0) writeonly buffer Halves { uint16_t halves[]; };
layout(push_constant) uniform Push { uint rows, cols, first, stride, bits; };

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= rows * cols) return;
  const uint at = first + i / cols * stride + i % cols;
  if (HALF)
    halves[at] = uint16_t(bits);
  else
    words[at] = bits;
}
