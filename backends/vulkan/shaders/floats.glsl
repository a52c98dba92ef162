// Matrices of f32, bf16 or f16 in storage buffers. A binding is read or written, never both, so that missing
// barriers can be found; what an op updates is bound twice.
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : require

const uint kBF16 = 1, kF16 = 2;  // 0 is f32

// Bits of an f32 to those of a bf16, to nearest even; NaN stays NaN.
uint bf16_of(uint bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16) | 0x40u;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

// The same for f16, whose conversions a device may round or flush as it likes (packHalf2x16). What is a denormal
// there gets its last bit by an addition.
uint f16_of(uint bits) {
  const uint sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // rounds to 65536 or more
  if (magnitude < 0x38800000u) return sign | (floatBitsToUint(uintBitsToFloat(magnitude) + 0.5) - 0x3f000000u);
  return sign | ((magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13);
}
uint bits_of_f16(uint half_bits) {
  const uint sign = (half_bits & 0x8000u) << 16, magnitude = half_bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13);
  if (magnitude >= 0x400u) return sign | ((magnitude << 13) + 0x38000000u);
  return sign | floatBitsToUint(float(magnitude) * 5.9604644775390625e-08);
}

uint narrow(uint type, uint bits) { return type == kBF16 ? bf16_of(bits) : f16_of(bits); }
uint widen(uint type, uint half_bits) { return type == kBF16 ? half_bits << 16 : bits_of_f16(half_bits); }

bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }
bool is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }

// READS(2, 5, w): binding 2, specialisation constant 5 is its type, w_at(i) is element i,
// w_bits(i) its bits as f32 and w_f16(i) those as f16.
#define READS(slot, constant, name)                                                                     \
  layout(constant_id = constant) const uint name##_type = 0;                                            \
  layout(std430, binding = slot) readonly buffer name##_words { uint name##_word[]; };                  \
  layout(std430, binding = slot) readonly buffer name##_halves { uint16_t name##_half[]; };             \
  uint name##_bits(uint i) {                                                                            \
    return name##_type == 0 ? name##_word[i] : widen(name##_type, uint(name##_half[i]));                \
  }                                                                                                     \
  uint name##_f16(uint i) {                                                                             \
    return name##_type == kF16 ? uint(name##_half[i]) : f16_of(name##_bits(i));                         \
  }                                                                                                     \
  float name##_at(uint i) { return uintBitsToFloat(name##_bits(i)); }

// WRITES(3, 6, out): out_put(i, value).
#define WRITES(slot, constant, name)                                                                    \
  layout(constant_id = constant) const uint name##_type = 0;                                            \
  layout(std430, binding = slot) writeonly buffer name##_words { uint name##_word[]; };                 \
  layout(std430, binding = slot) writeonly buffer name##_halves { uint16_t name##_half[]; };            \
  void name##_put_bits(uint i, uint bits) {                                                             \
    if (name##_type == 0)                                                                               \
      name##_word[i] = bits;                                                                            \
    else                                                                                                \
      name##_half[i] = uint16_t(narrow(name##_type, bits));                                             \
  }                                                                                                     \
  void name##_put(uint i, float value) { name##_put_bits(i, floatBitsToUint(value)); }

// Number of the work group where rows are spread over two axes.
uint group_number() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
