#include "backends/reference/latent_sums.hpp"
#include "backends/reference/ops.hpp"

namespace polysem::reference {

void run(const LatentGrad& op, const LatentGrad::Operands& t) {
  const SortedCodes codes{Integers<std::int32_t>(t.begin),
                          Integers<std::int32_t>(t.entries),
                          Integers<std::int32_t>(t.entry_rows),
                          Floats(t.values),
                          Floats(t.gradient),
                          Floats(t.error)};
  codes.check(op.latents, op.rows, op.capacity);
  const Floats x(t.x), g_enc(t.g_enc), g_dec(t.g_dec), g_b(t.g_b);
  for (std::int64_t j = 0; j < op.latents; ++j) {
    LatentSums sums(op.d_in, op.d_out);
    sums.add(codes, j, x, op.decoder_scale);
    for (std::int64_t c = 0; c < op.d_in; ++c)
      g_enc.set(j, c, sums.enc[static_cast<std::size_t>(c)] + (op.accumulate ? g_enc(j, c) : 0));
    for (std::int64_t c = 0; c < op.d_out; ++c)
      g_dec.set(j, c, sums.dec[static_cast<std::size_t>(c)] + (op.accumulate ? g_dec(j, c) : 0));
    g_b.set(j, sums.b + (op.accumulate ? g_b[j] : 0));
  }
}

}  // namespace polysem::reference
