// After the push constants that VARYING_PUSH is part of.
uint kind_of(uint r, uint j) {
  const float x = h[h_first + r * h_stride + j];
  if (BATCH) {
    const uint key = rank_key(x, j, has_per_latent != 0u, per_latent_first);
    if (key == 0u || key < state[state_first]) return kNone;
    return key > state[state_first] ? kFirst : kSecond;
  }
  if (!(x > 0.0)) return kNone;
  const float theta = has_per_latent != 0u ? per_latent[per_latent_first + j] : 0.0;
  uint kind = x > theta ? kFirst : kNone;
  if (half_band > 0.0 && x > theta - half_band && x < theta + half_band) kind |= kSecond;
  return kind;
}
