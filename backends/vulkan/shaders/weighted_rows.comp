// Sums of weight[j] * row j over segments of 64 rows; 32 columns a work group, 8 threads a column.
#version 450
layout(local_size_x = 32, local_size_y = 8) in;
layout(std430, binding = 0) readonly buffer Weights { float weights[]; };
layout(std430, binding = 1) readonly buffer Matrix { float matrix[]; };
layout(std430, binding = 2) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  uint rows, cols, weights_first, matrix_first, matrix_stride, out_first, out_stride;
};
shared float parts[8][32];

void main() {
  const uint c = gl_WorkGroupID.x * 32 + gl_LocalInvocationID.x, part = gl_WorkGroupID.y;
  const uint lane = gl_LocalInvocationID.y, end = min(part * 64 + 64, rows);
  float total = 0.0;
  if (c < cols)
    for (uint r = part * 64 + lane; r < end; r += 8)
      total += weights[weights_first + r] * matrix[matrix_first + r * matrix_stride + c];
  parts[lane][gl_LocalInvocationID.x] = total;
  barrier();
  if (lane != 0 || c >= cols) return;
  for (uint i = 1; i < 8; ++i) total += parts[i][gl_LocalInvocationID.x];
  result[out_first + part * out_stride + c] = total;
}
