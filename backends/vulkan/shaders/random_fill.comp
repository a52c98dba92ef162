// Uniform and normal numbers from Philox. Logarithm and cosine are computed here, since those of a device may be
// off by thousands of units in the last place.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "philox.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  uint rows, cols, out_first, out_stride;
  uint normal;
  float scale, shift;
  uint key_low, key_high, stream, substream, first_low, first_high;
};

// atanh(s) * 2 = log((1 + s) / (1 - s)) for |s| <= 1/3.
float log_ratio(float s) {
  const float q = s * s;
  float sum = 1.0 / 15.0;
  sum = sum * q + 1.0 / 13.0;
  sum = sum * q + 1.0 / 11.0;
  sum = sum * q + 1.0 / 9.0;
  sum = sum * q + 1.0 / 7.0;
  sum = sum * q + 1.0 / 5.0;
  sum = sum * q + 1.0 / 3.0;
  return 2.0 * (s + s * (q * sum));
}

// -log((word + 1/2) 2^-32). Near 1 the distance to 1 is what is known exactly.
float minus_log(uint word) {
  if (word >= 0x80000000u) {
    const float gap = (float(~word) + 0.5) * 2.3283064365386963e-10;
    return log_ratio(gap / (2.0 - gap));
  }
  const uint twice = 2u * word + 1u;
  int exponent = findMSB(twice);
  float mantissa = ldexp(float(twice), -exponent);
  if (mantissa > 1.4142135) {
    mantissa *= 0.5;
    ++exponent;
  }
  return float(33 - exponent) * 0.69314718 - log_ratio((mantissa - 1.0) / (mantissa + 1.0));
}

// cos(2 pi word 2^-32), by the quadrant and the angle to its nearer end.
float cos_turn(uint word) {
  const uint quadrant = word >> 30, inside = word & 0x3fffffffu;
  const bool far = inside > 0x20000000u;
  const float y = float(far ? 0x40000000u - inside : inside) * 1.4629180792671596e-09;  // pi / 2 * 2^-30
  const float q = y * y;
  const float sine = y + y * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q / 362880.0)));
  const float cosine =
      1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0 - q / 3628800.0))));
  const bool use_sine = ((quadrant & 1u) != 0u) != far;
  const float value = use_sine ? sine : cosine;
  return quadrant == 1u || quadrant == 2u ? -value : value;
}

uvec4 words(uint low, uint high) { return philox(uvec4(low, high, stream, substream), uvec2(key_low, key_high)); }

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= rows * cols) return;
  uint carry;
  const uint low = uaddCarry(first_low, i, carry), high = first_high + carry;
  float draw;
  if (normal != 0u) {
    const uvec4 block = words((low >> 1) | (high << 31), high >> 1);
    const uvec2 pair = (low & 1u) != 0u ? block.zw : block.xy;
    draw = sqrt(2.0 * minus_log(pair.x)) * cos_turn(pair.y);
  } else {
    draw = float(words((low >> 2) | (high << 30), high >> 2)[low & 3u] >> 8) * 5.9604644775390625e-08;
  }
  result[out_first + i / cols * out_stride + i % cols] = shift + scale * draw;
}
