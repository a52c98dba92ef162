// Matrices of f32 or bf16 in storage buffers. A binding is read or written, never both, so that missing
// barriers can be found; what an op updates is bound twice.
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : require

float widen(uint bits) { return uintBitsToFloat(bits << 16); }

// Bits of an f32 to those of a bf16, to nearest even; NaN stays NaN.
uint narrow(uint bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16) | 0x40u;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }
bool is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }

// READS(2, 5, w): binding 2, specialisation constant 5 tells whether it is bf16, w_at(i) is element i and
// w_bits(i) its bits as f32.
#define READS(slot, constant, name)                                                                     \
  layout(constant_id = constant) const bool name##_low = false;                                         \
  layout(std430, binding = slot) readonly buffer name##_words { uint name##_word[]; };                  \
  layout(std430, binding = slot) readonly buffer name##_halves { uint16_t name##_half[]; };             \
  uint name##_bits(uint i) { return name##_low ? uint(name##_half[i]) << 16 : name##_word[i]; }         \
  float name##_at(uint i) { return uintBitsToFloat(name##_bits(i)); }

// WRITES(3, 6, out): out_put(i, value).
#define WRITES(slot, constant, name)                                                                    \
  layout(constant_id = constant) const bool name##_low = false;                                         \
  layout(std430, binding = slot) writeonly buffer name##_words { uint name##_word[]; };                 \
  layout(std430, binding = slot) writeonly buffer name##_halves { uint16_t name##_half[]; };            \
  void name##_put_bits(uint i, uint bits) {                                                             \
    if (name##_low)                                                                                     \
      name##_half[i] = uint16_t(narrow(bits));                                                          \
    else                                                                                                \
      name##_word[i] = bits;                                                                            \
  }                                                                                                     \
  void name##_put(uint i, float value) { name##_put_bits(i, floatBitsToUint(value)); }

// Number of the work group where rows are spread over two axes.
uint group_number() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
