#include "backends/cuda/pre_activations.hpp"
#include "backends/cuda/ranks.cuh"

namespace polysem::cuda {

namespace {

constexpr std::int64_t kKeptBlocks = 256;  // stretches of the list of what is kept

/// Entries kept so far, in order of row and latent.
struct Kept {
  std::uint32_t* keys;
  float* values;
  std::int32_t* rows;
  std::int32_t* ids;
};

/// What the steps of a selection tell each other.
struct State {
  Search search;
  std::uint32_t all;   // there are fewer than wanted: all are taken
  std::uint32_t kept;  // entries in the list
  std::uint32_t next;  // entries in the list to come
};

struct Arguments {
  Floats h;
  const float* bias;
  const float* scale;  // null without
  std::int64_t first, rows, latents, total;
  std::uint32_t* bad;  // [rows at once], 1 where a pre-activation is not finite
  State* state;
  std::uint32_t* histogram;  // [256]
  std::uint32_t* above;      // [kKeptBlocks + rows at once]: of each stretch those above the k-th largest,
  std::uint32_t* equal;      // and equal to it; then where the stretch writes, and the ties before it
  Kept from, to;
};

/// A stretch of what is searched: a part of the list of entries kept so far, or a row of pre-activations.
struct Stretch {
  const Arguments& g;
  std::int64_t number, begin, end;

  __device__ Stretch(const Arguments& arguments, std::int64_t which) : g(arguments), number(which) {
    if (is_row()) {
      begin = 0;
      end = g.latents;
      return;
    }
    const std::int64_t kept = g.state->kept, part = (kept + kKeptBlocks - 1) / kKeptBlocks;
    begin = number * part < kept ? number * part : kept;
    end = begin + part < kept ? begin + part : kept;
  }
  __device__ bool is_row() const { return number >= kKeptBlocks; }
  __device__ std::int64_t row() const { return number - kKeptBlocks; }
  __device__ float value(std::int64_t i) const {
    if (!is_row()) return g.from.values[i];
    return static_cast<const float*>(g.h.data)[row() * g.h.stride + i] + g.bias[i];
  }
  /// 0 for what cannot be chosen.
  __device__ std::uint32_t key(std::int64_t i) const {
    if (!is_row()) return g.from.keys[i];
    if (g.bad[row()] != 0u) return 0u;
    const float h = value(i), rank = g.scale != nullptr ? h * g.scale[i] : h;
    return h > 0.0f && rank > 0.0f ? order_key(rank) : 0u;
  }
};

__global__ void check_rows_kernel(Arguments g, std::uint32_t* nonfinite) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    const Stretch row(g, kKeptBlocks + r);
    bool finite = true;
    for (std::int64_t j = threadIdx.x; j < g.latents; j += kThreads) {
      const bool good = is_finite(row.value(j));  // not behind &&: loads would wait for each other
      finite = finite && good;
    }
    const bool bad = __syncthreads_or(!finite);
    if (threadIdx.x != 0) continue;
    g.bad[r] = bad ? 1u : 0u;
    if (bad && nonfinite != nullptr) atomicAdd(nonfinite, 1u);
  }
}

__global__ void begin_search_kernel(Arguments g) {
  g.histogram[threadIdx.x] = 0;
  if (threadIdx.x != 0) return;
  g.state->search = {0u, static_cast<std::uint32_t>(g.total)};
  g.state->all = 0;
}

__global__ void histogram_kernel(Arguments g, int shift) {
  __shared__ std::uint32_t own[256];
  own[threadIdx.x] = 0;
  __syncthreads();
  const std::uint32_t prefix = g.state->search.prefix;
  for (std::int64_t n = blockIdx.x; g.state->all == 0u && n < kKeptBlocks + g.rows; n += gridDim.x) {
    const Stretch stretch(g, n);
    for (std::int64_t i = stretch.begin + threadIdx.x; i < stretch.end; i += kThreads) {
      const std::uint32_t key = stretch.key(i);
      if (key != 0u && in_question(key, prefix, shift)) atomicAdd(&own[(key >> shift) & 255u], 1u);
    }
  }
  __syncthreads();
  if (own[threadIdx.x] != 0u) atomicAdd(&g.histogram[threadIdx.x], own[threadIdx.x]);
}

// One block; leaves the histogram empty.
__global__ void narrow_kernel(Arguments g, int shift) {
  __shared__ std::uint32_t counts[256];
  __shared__ Search search;
  counts[threadIdx.x] = g.histogram[threadIdx.x];
  g.histogram[threadIdx.x] = 0;
  if (threadIdx.x == 0) search = g.state->search;
  __syncthreads();
  if (g.state->all != 0u) return;
  std::uint32_t found;
  block_scan(counts[threadIdx.x], found);
  if (shift == 24 && found <= search.wanted) {  // no tie is left out, so the threshold may be 0
    if (threadIdx.x == 0) g.state->all = 1, g.state->search.wanted = 0;
  } else {
    narrow_search(counts, shift, search);
    if (threadIdx.x == 0) g.state->search = search;
  }
}

__global__ void count_kernel(Arguments g) {
  const Search kth = g.state->search;
  for (std::int64_t n = blockIdx.x; n < kKeptBlocks + g.rows; n += gridDim.x) {
    const Stretch stretch(g, n);
    std::uint32_t above = 0, equal = 0, aboves, equals;
    for (std::int64_t i = stretch.begin + threadIdx.x; i < stretch.end; i += kThreads) {
      const std::uint32_t key = stretch.key(i);
      above += key > kth.prefix;
      equal += key == kth.prefix;
    }
    block_scan(above, aboves);
    block_scan(equal, equals);
    if (threadIdx.x != 0) continue;
    g.above[n] = aboves;
    g.equal[n] = equals;
  }
}

// Where each stretch writes, and how many ties there are before it; one block.
__global__ void place_kernel(Arguments g) {
  const std::uint32_t ties = g.state->search.wanted;
  std::uint32_t place = 0, ties_before = 0;
  for (std::int64_t base = 0; base < kKeptBlocks + g.rows; base += kThreads) {
    const std::int64_t n = base + threadIdx.x;
    const bool inside = n < kKeptBlocks + g.rows;
    const std::uint32_t above = inside ? g.above[n] : 0u, equal = inside ? g.equal[n] : 0u;
    std::uint32_t equals, takens;
    const std::uint32_t before = ties_before + block_scan(equal, equals);
    const std::uint32_t at = place + block_scan(taken(above, equal, before, ties), takens);
    if (inside) {
      g.above[n] = at;
      g.equal[n] = before;
    }
    place += takens;
    ties_before += equals;
  }
  if (threadIdx.x == 0) g.state->next = place;
}

__global__ void keep_kernel(Arguments g) {
  const Search kth = g.state->search;
  for (std::int64_t n = blockIdx.x; n < kKeptBlocks + g.rows; n += gridDim.x) {
    const Stretch stretch(g, n);
    std::uint32_t place = g.above[n], ties = g.equal[n];
    for (std::int64_t base = stretch.begin; base < stretch.end; base += kThreads) {
      const std::int64_t i = base + threadIdx.x;
      const std::uint32_t key = i < stretch.end ? stretch.key(i) : 0u;
      const bool above = key > kth.prefix, equal = i < stretch.end && key == kth.prefix;
      std::uint32_t equals, takens;
      const std::uint32_t ties_before = ties + block_scan(equal, equals);
      const bool take = above || (equal && ties_before < kth.wanted);
      const std::uint32_t at = place + block_scan(take, takens);
      if (take && at < g.total) {
        g.to.keys[at] = key;
        g.to.values[at] = stretch.value(i);
        g.to.rows[at] =
            stretch.is_row() ? static_cast<std::int32_t>(g.first + stretch.row()) : g.from.rows[i];
        g.to.ids[at] = stretch.is_row() ? static_cast<std::int32_t>(i) : g.from.ids[i];
      }
      place += takens;
      ties += equals;
    }
  }
}

__global__ void end_search_kernel(State* state) { state->kept = state->next; }

// Values, ids, and the first entry of each row, found by halving.
__global__ void write_kernel(Kept kept, const State* state, std::int64_t rows, float* values,
                             std::int32_t* ids, std::int32_t* row_offsets) {
  const std::int64_t count = state->kept;
  for (std::int64_t i = thread_number(); i < count; i += thread_count()) {
    values[i] = kept.values[i];
    ids[i] = kept.ids[i];
  }
  for (std::int64_t r = thread_number(); r <= rows; r += thread_count()) {
    std::int64_t low = 0, high = count;
    while (low < high) {
      const std::int64_t middle = (low + high) / 2;
      if (kept.rows[middle] < r) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    row_offsets[r] = static_cast<std::int32_t>(low);
  }
}

// The smallest rank kept, 0 without any; one block.
__global__ void threshold_kernel(Kept kept, const State* state, float* threshold) {
  __shared__ std::uint32_t least[kThreads];
  std::uint32_t own = 0xffffffffu;
  for (std::int64_t i = threadIdx.x; i < state->kept; i += kThreads)
    own = kept.keys[i] < own ? kept.keys[i] : own;
  least[threadIdx.x] = own;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned i = 1; i < kThreads; ++i) own = least[i] < own ? least[i] : own;
  *threshold = state->kept > 0u ? positive_rank(own) : 0.0f;
}

Kept take_kept(const Scope& s, std::int64_t total) {
  return {s.workspace.take<std::uint32_t>(total), s.workspace.take<float>(total),
          s.workspace.take<std::int32_t>(total), s.workspace.take<std::int32_t>(total)};
}

// The best of what was kept and of some more rows.
void enqueue_selection(const Scope& s, const Arguments& g) {
  const dim3 grid = blocks_for(kKeptBlocks + g.rows);
  launch(s, begin_search_kernel, dim3(1), kThreads, g);
  for (int shift = 24; shift >= 0; shift -= 8) {
    launch(s, histogram_kernel, grid, kThreads, g, shift);
    launch(s, narrow_kernel, dim3(1), kThreads, g, shift);
  }
  launch(s, count_kernel, grid, kThreads, g);
  launch(s, place_kernel, dim3(1), kThreads, g);
  launch(s, keep_kernel, grid, kThreads, g);
  launch(s, end_search_kernel, dim3(1), 1, g.state);
}

}  // namespace

std::uint64_t workspace_of(const EncodeBatchTopK& op) {
  const std::int64_t rows = PreActivations::rows_at_once(op.rows, op.latents);
  return 8 * workspace_part(op.total * 4) + workspace_part(sizeof(State)) + workspace_part(256 * 4) +
         workspace_part(rows * 4) + 2 * workspace_part((kKeptBlocks + rows) * 4) +
         PreActivations::workspace_bytes(op.rows, op.d_in, op.latents, op.precision);
}

// Rows some at a time: the best `total` of those seen so far are kept.
void enqueue(const Scope& s, const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t) {
  const std::int64_t rows = PreActivations::rows_at_once(op.rows, op.latents);
  Arguments g{};
  g.bias = pointer_of<const float>(t.b_enc);
  g.scale = pointer_of<const float>(t.scale);
  g.latents = op.latents, g.total = op.total;
  g.bad = s.workspace.take<std::uint32_t>(rows);
  g.state = s.workspace.take<State>(1);
  g.histogram = s.workspace.take<std::uint32_t>(256);
  g.above = s.workspace.take<std::uint32_t>(kKeptBlocks + rows);
  g.equal = s.workspace.take<std::uint32_t>(kKeptBlocks + rows);
  g.from = take_kept(s, op.total), g.to = take_kept(s, op.total);
  check(cudaMemsetAsync(g.state, 0, sizeof(State), s.stream.handle()), "cudaMemsetAsync");

  PreActivations(s, t.x, t.w_enc, op.precision).each([&](std::int64_t first, const Tensor& h) {
    g.h = Floats(h), g.first = first, g.rows = h.rows;
    launch(s, check_rows_kernel, blocks_for(g.rows), kThreads, g, pointer_of<std::uint32_t>(t.nonfinite));
    if (op.total == 0) return;
    enqueue_selection(s, g);
    std::swap(g.from, g.to);
  });
  launch(s, write_kernel, threads_for(std::max(op.total, op.rows + 1)), kThreads, g.from, g.state, op.rows,
         pointer_of<float>(t.values), pointer_of<std::int32_t>(t.ids),
         pointer_of<std::int32_t>(t.row_offsets));
  launch(s, threshold_kernel, dim3(1), kThreads, g.from, g.state, pointer_of<float>(t.threshold));
}

}  // namespace polysem::cuda
