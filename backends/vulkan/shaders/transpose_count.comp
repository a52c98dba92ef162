// A work group a chunk of rows, walked in order: counts how often each latent fires in the chunk, and notes for each
// active entry how many of its latent came before it in the chunk.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "codes_bindings.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 3) coherent buffer Counts { uint counts[]; };  // [latents, chunks], zeros before
layout(std430, binding = 4) writeonly buffer Ranks { uint ranks[]; };
layout(push_constant) uniform Push {
  CODES_PUSH;
  uint rows, latents, chunks, chunk_rows, counts_first, ranks_first;
};
#include "codes.glsl"

void main() {
  const uint chunk = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (chunk >= chunks) return;
  const uint last = min((chunk + 1) * chunk_rows, rows);
  for (uint r = chunk * chunk_rows; r < last; ++r) {
    const uint end = row_end(r);
    for (uint e = row_begin(r) + gl_LocalInvocationIndex; e < end; e += 64) {
      const uint j = code_latent(e);
      if (code_value(e) == 0.0 || j >= latents) continue;
      const uint at = counts_first + j * chunks + chunk;  // the ids of a row are distinct: nobody else is here
      const uint count = counts[at];
      ranks[ranks_first + e] = count;
      counts[at] = count + 1;
    }
    memoryBarrierBuffer();
    barrier();
  }
}
