#include "backends/reference/adam_step.hpp"
#include "backends/reference/latent_sums.hpp"
#include "backends/reference/ops.hpp"
#include "backends/reference/unit_rows.hpp"

namespace polysem::reference {

namespace {

SortedCodes main_list(const LatentUpdate::Operands& t) {
  return {Integers<std::int32_t>(t.begin),
          Integers<std::int32_t>(t.entries),
          Integers<std::int32_t>(t.entry_rows),
          Floats(t.values),
          Floats(t.gradient),
          Floats(t.error)};
}

SortedCodes aux_list(const LatentUpdate::Operands& t) {
  return {Integers<std::int32_t>(t.aux_begin),
          Integers<std::int32_t>(t.aux_entries),
          Integers<std::int32_t>(t.aux_entry_rows),
          Floats(t.aux_values),
          Floats(t.aux_gradient),
          Floats(t.aux_error)};
}

void copy_row(const Floats& from, const Floats& to, std::int64_t row, std::int64_t cols) {
  if (!to) return;
  for (std::int64_t c = 0; c < cols; ++c) to.set(row, c, from(row, c));
}

}  // namespace

void run(const LatentUpdate& op, const LatentUpdate::Operands& t) {
  const SortedCodes main = main_list(t), aux = aux_list(t);
  main.check(op.latents, op.rows, op.capacity);
  if (op.aux_capacity > 0) aux.check(op.latents, op.rows, op.aux_capacity);
  const Floats x(t.x), w_enc(t.w_enc), w_dec(t.w_dec), b_enc(t.b_enc);
  const Floats m_enc(t.m_enc), v_enc(t.v_enc), m_dec(t.m_dec), v_dec(t.v_dec), m_b(t.m_b), v_b(t.v_b);
  const Floats input_gradient(t.input_gradient), w_enc_low(t.w_enc_low), w_dec_low(t.w_dec_low);
  const AdamStepper adam(op.adam);
  std::vector<double> to_input(static_cast<std::size_t>(op.d_in));

  for (std::int64_t j = 0; j < op.latents; ++j) {
    LatentSums sums(op.d_in, op.d_out);
    sums.add(main, j, x, op.decoder_scale);
    if (op.aux_capacity > 0) sums.add(aux, j, x, op.aux_decoder_scale);
    if (op.unit_norm) project(sums.dec, w_dec, j);

    for (std::int64_t c = 0; c < op.d_in; ++c) {
      const auto i = static_cast<std::size_t>(c);
      to_input[i] += sums.b * w_enc(j, c);
      adam.apply(sums.enc[i], w_enc, m_enc, v_enc, j, c);
    }
    for (std::int64_t c = 0; c < op.d_out; ++c)
      adam.apply(sums.dec[static_cast<std::size_t>(c)], w_dec, m_dec, v_dec, j, c);
    adam.apply(sums.b, b_enc, m_b, v_b, 0, j);

    if (op.unit_norm) normalize(w_dec, j, op.d_out);
    copy_row(w_enc, w_enc_low, j, op.d_in);
    copy_row(w_dec, w_dec_low, j, op.d_out);
  }
  if (!input_gradient) return;
  for (std::int64_t c = 0; c < op.d_in; ++c) input_gradient.set(c, to_input[static_cast<std::size_t>(c)]);
}

}  // namespace polysem::reference
