#include <string>

#include "backends/cuda/adam.cuh"
#include "backends/cuda/latent_list.cuh"

namespace polysem::cuda {

namespace {

// Columns of a row that fit the shared memory of a block, which is 48 KiB: as few as suffice, so that more
// blocks run at a time.
constexpr std::int64_t kNarrow = 1024, kMedium = 4096, kWide = 11264;
constexpr std::int64_t kSegment = 64;  // latents whose part of the input's gradient a block sums

/// One of the two matrices with what updates it.
struct Side {
  LatentList main, aux;
  Rows w, m, v;
  Floats low;
  std::int64_t latents, cols;
  bool unit_norm;
};

// Gradient and Adam step of one matrix's rows, a block a latent; the gradient exists in shared memory alone.
template <std::int64_t kWidth>
__global__ void __launch_bounds__(kThreads, 4) latent_update_kernel(Side g, Adam adam) {
  __shared__ float row[kWidth];  // gradient, then new weights; a thread touches only its own columns
  __shared__ StagedEntries staged;
  for (std::int64_t j = blockIdx.x; j < g.latents; j += gridDim.x) {
    for (std::int64_t c = threadIdx.x; c < g.cols; c += kThreads) row[c] = 0.0f;
    add_latent_sums(g.main, j, 0, g.cols, row, staged);
    add_latent_sums(g.aux, j, 0, g.cols, row, staged);
    float along = 0.0f;
    if (g.unit_norm) {
      for (std::int64_t c = threadIdx.x; c < g.cols; c += kThreads) along += row[c] * g.w(j, c);
      along = block_sum(along);
    }
    float squares = 0.0f;
    for (std::int64_t c = threadIdx.x; c < g.cols; c += kThreads) {
      const float w = g.w(j, c);
      float m = g.m(j, c), v = g.v(j, c);
      row[c] = adam.step(g.unit_norm ? row[c] - along * w : row[c], w, m, v);
      g.m(j, c) = m;
      g.v(j, c) = v;
      squares += row[c] * row[c];
    }
    if (g.unit_norm) squares = block_sum(squares);
    const float length = g.unit_norm && squares > 0.0f ? sqrtf(squares) : 1.0f;
    for (std::int64_t c = threadIdx.x; c < g.cols; c += kThreads) {
      const float w = row[c] / length;
      g.w(j, c) = w;
      if (g.low) g.low.set(j, c, w);
    }
  }
}

void enqueue_side(const Scope& s, const LatentUpdate& op, const Side& side) {
  const auto kernel = side.cols <= kNarrow   ? latent_update_kernel<kNarrow>
                      : side.cols <= kMedium ? latent_update_kernel<kMedium>
                                             : latent_update_kernel<kWide>;
  launch(s, kernel, blocks_for(side.cols > 0 ? side.latents : 0), kThreads, side, Adam(op.adam));
}

// partial[segment] = sum of weight[j] * w[j] over the segment's latents, in order; a thread a column.
__global__ void weighted_rows_kernel(std::int64_t latents, std::int64_t cols, const float* weights, Rows w,
                                     Rows partial) {
  const std::int64_t segments = (latents + kSegment - 1) / kSegment;
  for (std::int64_t i = thread_number(); i < segments * cols; i += thread_count()) {
    const Place at = place_of(i, cols);
    const std::int64_t first = at.row * kSegment;
    const std::int64_t end = first + kSegment < latents ? first + kSegment : latents;
    float sum = 0.0f;
#pragma unroll 8
    for (std::int64_t j = first; j < end; ++j) sum += weights[j] * w(j, at.col);
    partial(at.row, at.col) = sum;
  }
}

std::int64_t segments(const LatentUpdate& op) { return (op.latents + kSegment - 1) / kSegment; }

Reduce sum_of_segments(const LatentUpdate& op) {
  return {.along = Reduce::Along::kColumns, .rows = segments(op), .cols = op.d_in};
}

// sum_j g_b[j] W_enc[j], with W_enc as it is before the step.
void enqueue_input_gradient(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t,
                            const float* g_b) {
  const Tensor partial = s.workspace.matrix(segments(op), op.d_in);
  launch(s, weighted_rows_kernel, threads_for(segments(op) * op.d_in), kThreads, op.latents, op.d_in, g_b,
         Rows(t.w_enc), Rows(partial));
  enqueue(s, sum_of_segments(op), {.a = partial, .b = {}, .out = t.input_gradient});
}

}  // namespace

std::uint64_t workspace_of(const LatentUpdate& op) {
  return matrix_part(1, op.latents) + matrix_part(segments(op), op.d_in) + workspace_of(sum_of_segments(op));
}

Support limits_of(const LatentUpdate& op) {
  if (op.d_in <= kWide && op.d_out <= kWide) return Support::yes();
  return Support::no("rows of " + std::to_string(std::max(op.d_in, op.d_out)) +
                     " values do not fit a block's shared memory, which takes " + std::to_string(kWide));
}

void enqueue(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t) {
  const bool aux = op.aux_capacity > 0;
  const auto main_list = [&](const Tensor& weights, const Tensor& source, float scale) {
    return LatentList(t.begin, t.entries, t.entry_rows, weights, source, scale);
  };
  const auto aux_list = [&](const Tensor& weights, const Tensor& source, float scale) {
    return aux ? LatentList(t.aux_begin, t.aux_entries, t.aux_entry_rows, weights, source, scale)
               : LatentList();
  };
  const LatentList enc = main_list(t.gradient, t.x, 1.0f), enc_aux = aux_list(t.aux_gradient, t.x, 1.0f);
  const LatentList dec = main_list(t.values, t.error, op.decoder_scale),
                   dec_aux = aux_list(t.aux_values, t.aux_error, op.aux_decoder_scale);

  const Tensor g_b = s.workspace.matrix(1, op.latents);
  enqueue_weight_sums(s, op.latents, enc, enc_aux, pointer_of<float>(g_b), false);
  if (t.input_gradient) enqueue_input_gradient(s, op, t, pointer_of<const float>(g_b));
  enqueue_side(s, op,
               {enc, enc_aux, Rows(t.w_enc), Rows(t.m_enc), Rows(t.v_enc), Floats(t.w_enc_low), op.latents,
                op.d_in, false});
  enqueue_side(s, op,
               {dec, dec_aux, Rows(t.w_dec), Rows(t.m_dec), Rows(t.v_dec), Floats(t.w_dec_low), op.latents,
                op.d_out, op.unit_norm});
  enqueue(s, AdamUpdate{.rows = 1, .cols = op.latents, .adam = op.adam},
          {.gradient = g_b, .parameter = t.b_enc, .m = t.m_b, .v = t.v_b});
}

}  // namespace polysem::cuda
