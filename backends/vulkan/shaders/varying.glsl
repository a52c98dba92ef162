// Which pre-activations become entries of codes of variable row length. EncodeThreshold: those above
// max(threshold, 0), and those in the band about the threshold. EncodeBatchTopK: positive ones whose rank has a key
// above that of the last that is kept, and the first of those with an equal key.
layout(constant_id = 0) const bool BATCH = false;
layout(std430, binding = 0) readonly buffer H { float h[]; };
layout(std430, binding = 1) readonly buffer Bad { uint bad[]; };
layout(std430, binding = 2) readonly buffer PerLatent { float per_latent[]; };  // threshold, or scale
layout(std430, binding = 3) readonly buffer State { uint state[]; };            // of the batch: key, ties to take
#define VARYING_PUSH                                                                                    \
  uint rows, n, h_first, h_stride, bad_first, per_latent_first, has_per_latent, state_first;            \
  float half_band

const uint kNone = 0, kFirst = 1, kSecond = 2;  // active or above; in the band or equal

// Of positive ranks the order of the bits is that of the numbers; 0 for what takes no part.
uint rank_key(float x, uint j, bool has_scale, uint scale_at) {
  const float rank = has_scale ? x * per_latent[scale_at + j] : x;
  return x > 0.0 && rank > 0.0 ? floatBitsToUint(rank) : 0u;
}
