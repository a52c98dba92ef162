// Bindings 0 to 2 of shaders that read sparse codes, and what they need of the push constants.
layout(std430, binding = 0) readonly buffer Values { float values[]; };
layout(std430, binding = 1) readonly buffer Ids { uint ids[]; };
layout(std430, binding = 2) readonly buffer Offsets { uint row_offsets[]; };
#define CODES_PUSH uint codes_k, capacity, values_first, ids_first, offsets_first
