// What the shaders of matrix products share: C = alpha op(A) op(B) + beta C + bias, ReLU.
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(constant_id = 6) const bool TRANSPOSE_A = false;
layout(constant_id = 7) const bool TRANSPOSE_B = false;
layout(constant_id = 8) const bool PICKED = false;  // row j of B (and of the bias) is row ids[j]
READS(0, 9, a)
READS(1, 10, b)
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };
READS(3, 11, c_old)
WRITES(4, 12, c)
layout(std430, binding = 5) readonly buffer Ids { uint ids[]; };

layout(push_constant) uniform Push {
  uint m, n, k;
  uint a_first, a_stride, a_instance;
  uint b_first, b_stride, b_instance;
  uint c_first, c_stride, c_instance;
  uint bias_first, ids_first, b_row, b_rows;
  float alpha, beta;
  uint has_bias, relu;
};

// Row of B's window; beyond its end where it is in another.
uint picked(uint j) { return PICKED ? ids[ids_first + j] - b_row : j; }

// Where element [row, p] of op(A) lies, and [p, column] of op(B); what is beyond the edges is nowhere.
const uint kNowhere = 0xffffffffu;
uint place_in_a(uint base, uint row, uint p) {
  if (row >= m || p >= k) return kNowhere;
  return base + (TRANSPOSE_A ? p * a_stride + row : row * a_stride + p);
}
uint place_in_b(uint base, uint p, uint column) {
  if (column >= n || p >= k) return kNowhere;
  const uint row = TRANSPOSE_B ? picked(column) : 0;
  if (PICKED && row >= b_rows) return kNowhere;
  return base + (TRANSPOSE_B ? row * b_stride + p : p * b_stride + column);
}

// Writes an element of C, given its sum.
void finish(uint instance, uint row, uint column, float sum) {
  if (row >= m || column >= n || PICKED && picked(column) >= b_rows) return;
  const uint at = c_first + instance * c_instance + row * c_stride + column;
  float value = alpha * sum;
  if (beta != 0.0) value += beta * c_old_at(at);
  if (has_bias != 0u) value += bias[bias_first + (PICKED ? ids[ids_first + column] : column)];
  if (relu != 0u && value < 0.0) value = 0.0;
  c_put(at, value);
}
