// A matrix product in f32. A work group computes a tile of C from tiles of A and B in shared
// memory, a thread ROWS x COLUMNS elements of it; every sum runs over k in ascending order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "gemm.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint TILE_M = 64;
layout(constant_id = 2) const uint TILE_N = 64;
layout(constant_id = 3) const uint TILE_K = 16;
layout(constant_id = 4) const uint ROWS = 8;
layout(constant_id = 5) const uint COLUMNS = 8;

shared float tile_a[TILE_K * TILE_M];
shared float tile_b[TILE_K * TILE_N];

void load_a(uint base, uint row0, uint k0) {
  for (uint i = gl_LocalInvocationIndex; i < TILE_M * TILE_K; i += gl_WorkGroupSize.x) {
    const uint r = TRANSPOSE_A ? i % TILE_M : i / TILE_K, p = TRANSPOSE_A ? i / TILE_M : i % TILE_K;
    const uint place = place_in_a(base, row0 + r, k0 + p);
    tile_a[p * TILE_M + r] = place == kNowhere ? 0.0 : a_at(place);
  }
}

void load_b(uint base, uint column0, uint k0) {
  for (uint i = gl_LocalInvocationIndex; i < TILE_N * TILE_K; i += gl_WorkGroupSize.x) {
    const uint j = TRANSPOSE_B ? i / TILE_K : i % TILE_N, p = TRANSPOSE_B ? i % TILE_K : i / TILE_N;
    const uint place = place_in_b(base, k0 + p, column0 + j);
    tile_b[p * TILE_N + j] = place == kNowhere ? 0.0 : b_at(place);
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
      finish(instance, row0 + ty + i * down, column0 + tx + j * across, sum[i * COLUMNS + j]);
    }
  }
}
