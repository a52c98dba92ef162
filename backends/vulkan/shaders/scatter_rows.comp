// A work group a row; ids outside the window of the table are skipped.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
READS(0, 0, source)
layout(std430, binding = 1) readonly buffer Ids { uint ids[]; };
WRITES(2, 1, table)
layout(push_constant) uniform Push {
  uint rows, cols, window_row, window_rows;
  uint source_first, source_stride, ids_first, table_first, table_stride;
};

void main() {
  const uint r = group_number();
  if (r >= rows) return;
  const uint inside = ids[ids_first + r] - window_row;
  if (inside >= window_rows) return;
  for (uint c = gl_LocalInvocationIndex; c < cols; c += 64)
    table_put_bits(table_first + inside * table_stride + c, source_bits(source_first + r * source_stride + c));
}
