// A work group a row; ids outside the table give zeros. The table may come in windows of rows: each is responsible
// for the ids inside it, the first also for those outside the table.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
READS(0, 0, table)
layout(std430, binding = 1) readonly buffer Ids { uint ids[]; };
WRITES(2, 1, result)
layout(push_constant) uniform Push {
  uint rows, cols, table_rows, window_row, window_rows;
  uint table_first, table_stride, ids_first, out_first, out_stride;
};

void main() {
  const uint r = group_number();
  if (r >= rows) return;
  const uint id = ids[ids_first + r];  // a negative one is a very large one
  const uint inside = id - window_row;
  const bool here = id < table_rows && inside < window_rows;
  if (!here && (id < table_rows || window_row > 0)) return;
  for (uint c = gl_LocalInvocationIndex; c < cols; c += 64)
    result_put_bits(out_first + r * out_stride + c, here ? table_bits(table_first + inside * table_stride + c) : 0u);
}
