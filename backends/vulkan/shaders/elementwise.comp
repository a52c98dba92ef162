#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
READS(0, 0, a)
READS(1, 1, b)
WRITES(2, 2, result)
layout(push_constant) uniform Push {
  uint rows, cols, kind;
  uint a_first, a_stride, b_first, b_stride, b_row, b_col, out_first, out_stride;  // b_row, b_col: 0 spreads
  float alpha, beta;
};

const uint kCopy = 0, kAxpby = 1, kMul = 2, kRelu = 3, kSqrt = 4, kSiluMul = 5, kGate = 6;

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= rows * cols) return;
  const uint r = i / cols, c = i % cols;
  const float x = a_at(a_first + r * a_stride + c);
  const bool two = kind == kAxpby || kind == kMul || kind == kSiluMul || kind == kGate;
  const float y = two ? b_at(b_first + r * b_row * b_stride + c * b_col) : 0.0;
  const uint at = out_first + r * out_stride + c;

  // What is only moved keeps its bits: arithmetic may flush denormals and change the bits of a NaN.
  if (kind == kCopy && alpha == 1.0 && beta == 0.0 || kind == kRelu && is_nan(x)) {
    result_put_bits(at, a_bits(a_first + r * a_stride + c));
    return;
  }
  float value = 0.0;
  if (kind == kCopy) value = alpha * x + beta;
  if (kind == kAxpby) value = alpha * x + beta * y;
  if (kind == kMul) value = alpha * x * y;
  if (kind == kRelu) value = x < 0.0 ? 0.0 : x;
  if (kind == kSqrt) {
    const float square = alpha * x + beta;
    value = square < 0.0 ? 0.0 : sqrt(square);
  }
  if (kind == kSiluMul) value = x / (1.0 + exp(-x)) * y;
  if (kind == kGate) value = y > 0.0 ? alpha * x + beta : 0.0;
  result_put(at, value);
}
