// Row offsets of both lists where they fit; zeros where they do not; and how long they are.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Starts { uint starts[]; };
layout(std430, binding = 1) readonly buffer BandStarts { uint band_starts[]; };
layout(std430, binding = 2) writeonly buffer Offsets { uint offsets[]; };
layout(std430, binding = 3) writeonly buffer BandOffsets { uint band_offsets[]; };
layout(std430, binding = 4) writeonly buffer Needed { uint needed[]; };
layout(push_constant) uniform Push {
  uint rows, starts_first, offsets_first, capacity;
  uint band_starts_first, band_offsets_first, band_capacity, has_band;
  uint needed_first;
};

void main() {
  const uint i = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64 + gl_LocalInvocationIndex;
  if (i > rows) return;
  const uint length = starts[starts_first + rows];
  offsets[offsets_first + i] = length <= capacity ? starts[starts_first + i] : 0u;
  uint band_length = 0u;
  if (has_band != 0u) {
    band_length = band_starts[band_starts_first + rows];
    band_offsets[band_offsets_first + i] =
        band_length <= band_capacity ? band_starts[band_starts_first + i] : 0u;
  }
  if (i == 0) needed[needed_first] = length, needed[needed_first + 1] = band_length;
}
