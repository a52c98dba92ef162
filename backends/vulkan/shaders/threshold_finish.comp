// Row offsets of a list that fits; zeros, and how long it is, of one that does not.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Starts { uint starts[]; };
layout(std430, binding = 1) writeonly buffer Offsets { uint offsets[]; };
layout(std430, binding = 2) writeonly buffer Needed { uint needed[]; };
layout(push_constant) uniform Push { uint rows, capacity, starts_first, offsets_first, needed_first, has_list; };

void main() {
  const uint i = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64 + gl_LocalInvocationIndex;
  if (i > rows) return;
  const uint length = has_list != 0u ? starts[starts_first + rows] : 0u;
  if (has_list != 0u) offsets[offsets_first + i] = length <= capacity ? starts[starts_first + i] : 0u;
  if (i == 0) needed[needed_first] = length;
}
