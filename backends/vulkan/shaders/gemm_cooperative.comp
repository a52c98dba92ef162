// A matrix product of f16 inputs and f32 sums by cooperative matrices. A work group computes a tile of C from tiles of
// A and B in shared memory, a subgroup a quarter of it; where the device makes subgroups of another size than it said,
// they take the quarters in turn.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "gemm.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint M = 16;  // of the device's matrices; 32 is a multiple of each
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;

const uint kTile = 64, kPart = 32, kParts = 4, kDepth = 32;
const uint kStride = kDepth + 8;  // loads begin at multiples of 16 bytes, in other banks from row to row
shared float16_t tile_a[kTile * kStride];  // [row][k]
shared float16_t tile_b[kTile * kStride];  // [column][k]
shared float sums_of_part[kParts * M * N];

float16_t half_of(uint bits) { return unpackFloat2x16(bits).x; }

void load_tiles(uint a_base, uint b_base, uint row0, uint column0, uint k0) {
  for (uint i = gl_LocalInvocationIndex; i < kTile * kDepth; i += gl_WorkGroupSize.x) {
    const uint r = TRANSPOSE_A ? i % kTile : i / kDepth, p = TRANSPOSE_A ? i / kTile : i % kDepth;
    const uint place = place_in_a(a_base, row0 + r, k0 + p);
    tile_a[r * kStride + p] = half_of(place == kNowhere ? 0u : a_f16(place));
  }
  for (uint i = gl_LocalInvocationIndex; i < kTile * kDepth; i += gl_WorkGroupSize.x) {
    const uint j = TRANSPOSE_B ? i / kDepth : i % kTile, p = TRANSPOSE_B ? i % kDepth : i / kTile;
    const uint place = place_in_b(b_base, k0 + p, column0 + j);
    tile_b[j * kStride + p] = half_of(place == kNowhere ? 0u : b_f16(place));
  }
}

void main() {
  const uint row0 = gl_WorkGroupID.y * kTile, column0 = gl_WorkGroupID.x * kTile, instance = gl_WorkGroupID.z;
  const uint a_base = a_first + instance * a_instance, b_base = b_first + instance * b_instance;
  const uint down = kPart / M, across = kPart / N;
  for (uint first = 0; first < kParts; first += gl_NumSubgroups) {
    const uint part = first + gl_SubgroupID, part_row = part / 2 * kPart, part_column = part % 2 * kPart;
    const bool mine = part < kParts;
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[down * across];
    for (uint i = 0; i < down * across; ++i)
      sums[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    for (uint k0 = 0; k0 < k; k0 += kDepth) {
      load_tiles(a_base, b_base, row0, column0, k0);
      barrier();
      for (uint p = 0; mine && p < kDepth; p += K) {
        coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> right[across];
        for (uint j = 0; j < across; ++j)
          coopMatLoad(right[j], tile_b, (part_column + j * N) * kStride + p, kStride,
                      gl_CooperativeMatrixLayoutColumnMajor);
        for (uint i = 0; i < down; ++i) {
          coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> left;
          coopMatLoad(left, tile_a, (part_row + i * M) * kStride + p, kStride, gl_CooperativeMatrixLayoutRowMajor);
          for (uint j = 0; j < across; ++j)
            sums[i * across + j] = coopMatMulAdd(left, right[j], sums[i * across + j]);
        }
      }
      barrier();
    }
    for (uint i = 0; i < down * across; ++i) {
      if (mine) coopMatStore(sums[i], sums_of_part, part * M * N, N, gl_CooperativeMatrixLayoutRowMajor);
      barrier();
      for (uint e = gl_SubgroupInvocationID; mine && e < M * N; e += gl_SubgroupSize)
        finish(instance, row0 + part_row + i / across * M + e / N, column0 + part_column + i % across * N + e % N,
               sums_of_part[part * M * N + e]);
      barrier();
    }
  }
}
