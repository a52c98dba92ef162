// A work group reduces one segment of 32 columns, 8 threads a column.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "reduce.glsl"

layout(local_size_x = 32, local_size_y = 8) in;
shared float parts[8][32];

void main() {
  const uint c = gl_WorkGroupID.x * 32 + gl_LocalInvocationID.x, part = gl_WorkGroupID.y;
  const uint lane = gl_LocalInvocationID.y, end = min(part * segment + segment, rows);
  float total = nothing();
  if (c < cols)
    for (uint r = part * segment + lane; r < end; r += 8) total = join(total, term(r, c));
  parts[lane][gl_LocalInvocationID.x] = total;
  barrier();
  if (lane != 0 || c >= cols) return;
  for (uint i = 1; i < 8; ++i) total = join(total, parts[i][gl_LocalInvocationID.x]);
  put(c, part, total);
}
