// C = alpha op(A) op(B) + beta C + bias, ReLU. A work group computes a tile of C from tiles of A and B in shared
// memory, a thread ROWS x COLUMNS elements of it; every sum runs over k in ascending order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint TILE_M = 64;
layout(constant_id = 2) const uint TILE_N = 64;
layout(constant_id = 3) const uint TILE_K = 16;
layout(constant_id = 4) const uint ROWS = 8;
layout(constant_id = 5) const uint COLUMNS = 8;
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

shared float tile_a[TILE_K * TILE_M];
shared float tile_b[TILE_K * TILE_N];

// Row of B's window; beyond its end where it is in another.
uint picked(uint j) { return PICKED ? ids[ids_first + j] - b_row : j; }

void load_a(uint base, uint row0, uint k0) {
  for (uint i = gl_LocalInvocationIndex; i < TILE_M * TILE_K; i += gl_WorkGroupSize.x) {
    const uint r = TRANSPOSE_A ? i % TILE_M : i / TILE_K, p = TRANSPOSE_A ? i / TILE_M : i % TILE_K;
    const uint row = row0 + r, at = k0 + p;
    float value = 0.0;
    if (row < m && at < k) value = a_at(base + (TRANSPOSE_A ? at * a_stride + row : row * a_stride + at));
    tile_a[p * TILE_M + r] = value;
  }
}

void load_b(uint base, uint column0, uint k0) {
  for (uint i = gl_LocalInvocationIndex; i < TILE_N * TILE_K; i += gl_WorkGroupSize.x) {
    const uint j = TRANSPOSE_B ? i / TILE_K : i % TILE_N, p = TRANSPOSE_B ? i % TILE_K : i / TILE_N;
    const uint column = column0 + j, at = k0 + p;
    float value = 0.0;
    if (column < n && at < k) {
      const uint row = TRANSPOSE_B ? picked(column) : 0;
      if (!PICKED || row < b_rows) value = b_at(base + (TRANSPOSE_B ? row * b_stride + at : at * b_stride + column));
    }
    tile_b[p * TILE_N + j] = value;
  }
}

void main() {
  const uint across = TILE_N / COLUMNS, down = TILE_M / ROWS;
  const uint tx = gl_LocalInvocationIndex % across, ty = gl_LocalInvocationIndex / across;
  const uint row0 = gl_WorkGroupID.y * TILE_M, column0 = gl_WorkGroupID.x * TILE_N, instance = gl_WorkGroupID.z;
  const uint a_base = a_first + instance * a_instance, b_base = b_first + instance * b_instance;

  float sum[ROWS * COLUMNS];
  [[unroll]] for (uint i = 0; i < ROWS * COLUMNS; ++i) sum[i] = 0.0;
  for (uint k0 = 0; k0 < k; k0 += TILE_K) {
    load_a(a_base, row0, k0);
    load_b(b_base, column0, k0);
    barrier();
    for (uint p = 0; p < TILE_K; ++p) {
      float left[ROWS], right[COLUMNS];
      [[unroll]] for (uint i = 0; i < ROWS; ++i) left[i] = tile_a[p * TILE_M + ty + i * down];
      [[unroll]] for (uint j = 0; j < COLUMNS; ++j) right[j] = tile_b[p * TILE_N + tx + j * across];
      [[unroll]] for (uint i = 0; i < ROWS; ++i)
        [[unroll]] for (uint j = 0; j < COLUMNS; ++j) sum[i * COLUMNS + j] += left[i] * right[j];
    }
    barrier();
  }

  [[unroll]] for (uint i = 0; i < ROWS; ++i) {
    [[unroll]] for (uint j = 0; j < COLUMNS; ++j) {
      const uint row = row0 + ty + i * down, column = column0 + tx + j * across;
      if (row >= m || column >= n || PICKED && picked(column) >= b_rows) continue;
      const uint at = c_first + instance * c_instance + row * c_stride + column;
      float value = alpha * sum[i * COLUMNS + j];
      if (beta != 0.0) value += beta * c_old_at(at);
      if (has_bias != 0u) value += bias[bias_first + (PICKED ? ids[ids_first + column] : column)];
      if (relu != 0u && value < 0.0) value = 0.0;
      c_put(at, value);
    }
  }
}
