// What reductions along rows and along columns have in common.
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(std430, binding = 0) readonly buffer A { float a[]; };
layout(std430, binding = 1) readonly buffer B { float b[]; };
layout(std430, binding = 2) readonly buffer Before { float before[]; };
layout(std430, binding = 3) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  uint rows, cols, segment, segments, kind, accumulate;
  uint a_first, a_stride, b_first, b_stride, b_row;  // b_row: 0 where one row of b serves all
  uint out_first, out_stride, out_segment;           // of results, and of a result's segments
};

const uint kSum = 0, kSumSquares = 1, kDot = 2, kSquaredDistance = 3, kMax = 4;

float nothing() { return kind == kMax ? uintBitsToFloat(0xff800000u) : 0.0; }

float term(uint r, uint c) {
  const float x = a[a_first + r * a_stride + c];
  if (kind == kSum || kind == kMax) return x;
  if (kind == kSumSquares) return x * x;
  const float y = b[b_first + r * b_row * b_stride + c];
  return kind == kDot ? x * y : (x - y) * (x - y);
}

// NaN wins over everything.
float join(float x, float y) {
  if (kind != kMax) return x + y;
  if (is_nan(x)) return x;
  return is_nan(y) || y > x ? y : x;
}

void put(uint number, uint part, float value) {
  const uint at = out_first + number * out_stride + part * out_segment;
  result[at] = accumulate != 0u ? before[at] + value : value;
}
