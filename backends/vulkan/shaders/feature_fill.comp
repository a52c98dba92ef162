// Sparse features by their probability, with the numbers of polysem::Random. Shares are of 2^32; a whole one, which
// 32 bits do not hold, is told apart by `whole`.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "philox.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Density { float density[]; };
layout(std430, binding = 1) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  uint rows, cols, first_row, features, batch, sets, set_size, symmetric;
  uint density_first, density_stride, out_first, out_stride;
  uint key_low, key_high, stream, first_low, first_high;
};

const uint kIndependent = 0, kTogether = 1;

struct Share {
  bool whole;
  uint part;
};

// round(p 2^32); NaN and what is below 0 give 0.
Share share_of(float p) {
  if (!(p > 0.0)) return Share(false, 0u);
  if (p >= 1.0) return Share(true, 0u);
  const float product = p * 4294967296.0, below = floor(product);
  return Share(false, uint(below) + (product - below >= 0.5 ? 1u : 0u));
}

bool under(uint word, Share share) { return share.whole || word < share.part; }

// Whether a b >= c d, of 64 bits.
bool product_reaches(uint a, uint b, uint c, uint d) {
  uint high, low, other_high, other_low;
  umulExtended(a, b, high, low);
  umulExtended(c, d, other_high, other_low);
  return high != other_high ? high > other_high : low >= other_low;
}

// floor(word set_size / share) == member.
bool is_member(uint word, Share share, uint member) {
  if (share.whole) {
    uint high, low;
    umulExtended(word, set_size, high, low);
    return high == member;
  }
  return share.part > 0u && product_reaches(word, set_size, member, share.part) &&
         !product_reaches(word, set_size, member + 1u, share.part);
}

uint word_at(uint low, uint high, uint substream) {
  const uvec4 counter = uvec4((low >> 2) | (high << 30), high >> 2, stream, substream);
  return philox(counter, uvec2(key_low, key_high))[low & 3u];
}

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= rows * cols) return;
  const uint r = i / cols, c = i % cols, row = first_row + r, f = row % features;
  uint carry, borrow, back_high, back_low;
  const uint low = uaddCarry(first_low, r * batch + c, carry), high = first_high + carry;
  const uint u = word_at(low, high, 0u), member = f % set_size;
  const bool alone = sets == kIndependent;
  const Share share =
      share_of(density[density_first + row / features * density_stride + (alone ? f : f - member)]);
  bool chosen;
  float value;
  if (alone) {
    chosen = under(u, share);
    value = float(u) / (share.whole ? 4294967296.0 : float(share.part));
  } else {
    umulExtended(member, batch, back_high, back_low);
    const uint set_low = usubBorrow(low, back_low, borrow);
    const uint d = word_at(set_low, high - back_high - borrow, 1u);
    chosen = under(d, share) && (sets == kTogether || is_member(d, share, member));
    value = float(u) * 2.3283064365386963e-10;
  }
  result[out_first + r * out_stride + c] = !chosen ? 0.0 : symmetric != 0u ? 2.0 * value - 1.0 : value;
}
