// A work group a row: every active entry knows its place.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "codes_bindings.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 3) readonly buffer Places { uint places[]; };
layout(std430, binding = 4) readonly buffer Ranks { uint ranks[]; };
layout(std430, binding = 5) writeonly buffer Entries { uint entries[]; };
layout(std430, binding = 6) writeonly buffer EntryRows { uint entry_rows[]; };
layout(push_constant) uniform Push {
  CODES_PUSH;
  uint rows, latents, chunks, chunk_rows, places_first, ranks_first, entries_first, rows_first;
};
#include "codes.glsl"

void main() {
  const uint r = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  if (r >= rows) return;
  const uint end = row_end(r);
  for (uint e = row_begin(r) + gl_LocalInvocationIndex; e < end; e += 64) {
    const uint j = code_latent(e);
    if (code_value(e) == 0.0 || j >= latents) continue;
    const uint place = places[places_first + j * chunks + r / chunk_rows] + ranks[ranks_first + e];
    if (place >= capacity) continue;
    entries[entries_first + place] = e;
    entry_rows[rows_first + place] = r;
  }
}
