#include <vector>

#include "backends/onednn/adam_step.hpp"
#include "backends/onednn/latent_sums.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/unit_rows.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kBlock = 32;       // latents a task
constexpr std::int64_t kInputBlock = 16;  // tasks whose shares of input_gradient are added up first

std::vector<LatentSums::List> lists_of(const LatentUpdate& op, const LatentUpdate::Operands& t) {
  std::vector<LatentSums::List> lists;
  lists.push_back({{data_of<const std::int32_t>(t.begin), data_of<const std::int32_t>(t.entries),
                    data_of<const std::int32_t>(t.entry_rows), data_of<const float>(t.values),
                    data_of<const float>(t.gradient), rows_of(t.error)},
                   op.decoder_scale});
  lists[0].codes.check(op.kName, op.latents, op.rows, op.capacity);
  if (op.aux_capacity == 0) return lists;
  lists.push_back({{data_of<const std::int32_t>(t.aux_begin), data_of<const std::int32_t>(t.aux_entries),
                    data_of<const std::int32_t>(t.aux_entry_rows), data_of<const float>(t.aux_values),
                    data_of<const float>(t.aux_gradient), rows_of(t.aux_error)},
                   op.aux_decoder_scale});
  lists[1].codes.check(op.kName, op.latents, op.rows, op.aux_capacity);
  return lists;
}

class Update {
 public:
  Update(Context& context, const LatentUpdate& op, const LatentUpdate::Operands& t)
      : op_(op),
        t_(t),
        step_(adam_constants(op.adam, 1.0f)),
        sums_(context, {op.latents, op.d_in, op.d_out}, rows_of(t.x), lists_of(op, t)),
        lines_(context.per_thread<float>(op.d_in + op.d_out)),
        blocks_((op.latents + kBlock - 1) / kBlock),
        shares_(t.input_gradient ? context.scratch.take<float>(blocks_ * op.d_in) : nullptr) {}

  void run() {
    Context::parallel(blocks_, [&](std::int64_t block) {
      float* share = shares_ != nullptr ? shares_ + block * op_.d_in : nullptr;
      if (share != nullptr) std::fill_n(share, op_.d_in, 0.0f);
      for (std::int64_t j = block * kBlock; j < std::min(op_.latents, (block + 1) * kBlock); ++j)
        one(j, share);
    });
    if (shares_ != nullptr) add_shares();
  }

 private:
  void one(std::int64_t j, float* share) const {
    const Kernels& kernel = kernels();
    float* g_enc = lines_.of(Context::thread());
    float* g_dec = g_enc + op_.d_in;
    float g_b = sums_.sum(j, g_enc, g_dec);
    float* w_enc = row_of(t_.w_enc, j);
    float* w_dec = row_of(t_.w_dec, j);
    if (share != nullptr && g_b != 0.0f) kernel.subtract_scaled(share, w_enc, -g_b, op_.d_in);
    if (op_.unit_norm) project(g_dec, w_dec, op_.d_out);
    kernel.adam(step_, g_enc, w_enc, row_of(t_.m_enc, j), row_of(t_.v_enc, j), op_.d_in);
    kernel.adam(step_, g_dec, w_dec, row_of(t_.m_dec, j), row_of(t_.v_dec, j), op_.d_out);
    kernel.adam(step_, &g_b, row_of(t_.b_enc, 0) + j, row_of(t_.m_b, 0) + j, row_of(t_.v_b, 0) + j, 1);
    if (op_.unit_norm) normalize(w_dec, op_.d_out);
    if (t_.w_enc_low)
      kernel.narrow(w_enc, data_of<std::uint16_t>(t_.w_enc_low) + j * t_.w_enc_low.stride, op_.d_in);
    if (t_.w_dec_low)
      kernel.narrow(w_dec, data_of<std::uint16_t>(t_.w_dec_low) + j * t_.w_dec_low.stride, op_.d_out);
  }

  // Shares of neighbouring blocks first, then those sums, always in the same order.
  void add_shares() const {
    const auto into = [&](std::int64_t to, std::int64_t from) {
      kernels().subtract_scaled(shares_ + to * op_.d_in, shares_ + from * op_.d_in, -1.0f, op_.d_in);
    };
    Context::parallel_ranges(blocks_, kInputBlock, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t b = first + 1; b < last; ++b) into(first, b);
    });
    for (std::int64_t b = kInputBlock; b < blocks_; b += kInputBlock) into(0, b);
    if (blocks_ > 0) std::copy_n(shares_, op_.d_in, row_of(t_.input_gradient, 0));
    if (blocks_ == 0) std::fill_n(row_of(t_.input_gradient, 0), op_.d_in, 0.0f);
  }

  const LatentUpdate& op_;
  const LatentUpdate::Operands& t_;
  AdamConstants step_;
  LatentSums sums_;
  PerThread<float> lines_;
  std::int64_t blocks_;
  float* shares_;
};

}  // namespace

void run(Context& context, const LatentUpdate& op, const LatentUpdate::Operands& t) {
  Update(context, op, t).run();
}

}  // namespace polysem::onednn
