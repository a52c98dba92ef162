#include "backends/cuda/pre_activations.hpp"
#include "backends/cuda/ranks.cuh"

namespace polysem::cuda {

namespace {

/// One of the two lists. Entries are placed as if there were room for all; those beyond are not written.
struct List {
  float* values;
  std::int32_t* ids;
  std::int32_t* row_offsets;
  std::int64_t capacity;
  std::uint64_t* begin;  // [rows + 1], where each row's entries begin
  bool present;
};

struct Arguments {
  Floats h;
  const float* bias;
  const float* threshold;  // null for 0
  std::int64_t first, rows, latents;
  float half, weight;
  List active, band;
  std::uint32_t* nonfinite;
};

struct Membership {
  bool active, band;
};

__device__ Membership membership(const Arguments& g, float h, std::int64_t latent) {
  const float theta = g.threshold != nullptr ? g.threshold[latent] : 0.0f;
  return {h > 0.0f && h > theta, g.band.present && h > 0.0f && h > theta - g.half && h < theta + g.half};
}

__device__ float pre_activation(const Arguments& g, std::int64_t row, std::int64_t latent) {
  return static_cast<const float*>(g.h.data)[row * g.h.stride + latent] + g.bias[latent];
}

// Length of each row, a block a row, noted one place further; 0 with a pre-activation that is not finite.
__global__ void count_kernel(Arguments g) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    std::uint32_t active = 0, band = 0, actives, bands;
    bool finite = true;
    for (std::int64_t j = threadIdx.x; j < g.latents; j += kThreads) {
      const float h = pre_activation(g, r, j);
      const Membership member = membership(g, h, j);
      finite = finite && is_finite(h);
      active += member.active;
      band += member.band;
    }
    const bool bad = __syncthreads_or(!finite);
    block_scan(active, actives);
    block_scan(band, bands);
    if (threadIdx.x != 0) continue;
    const std::int64_t at = g.first + r + 1;
    g.active.begin[at] = bad ? 0u : actives;
    if (g.band.present) g.band.begin[at] = bad ? 0u : bands;
    if (bad && g.nonfinite != nullptr) atomicAdd(g.nonfinite, 1u);
  }
}

// Lengths of these rows to where they begin; one block.
__global__ void place_kernel(std::uint64_t* begin, std::int64_t first, std::int64_t rows) {
  __shared__ std::uint64_t carry;
  if (threadIdx.x == 0) carry = begin[first];
  __syncthreads();
  for (std::int64_t base = 0; base < rows; base += kThreads) {
    const std::int64_t r = base + threadIdx.x;
    const auto length = static_cast<std::uint32_t>(r < rows ? begin[first + r + 1] : 0u);
    // 256 rows may have more entries than 32 bits count: the scan runs over two halves of the number.
    std::uint32_t low_total, high_total;
    const std::uint32_t low = block_scan(length & 0xffffu, low_total);
    const std::uint32_t high = block_scan(length >> 16, high_total);
    const std::uint64_t before = carry + low + (static_cast<std::uint64_t>(high) << 16);
    if (r < rows) begin[first + r + 1] = before + length;
    __syncthreads();
    if (threadIdx.x == 0) carry += low_total + (static_cast<std::uint64_t>(high_total) << 16);
    __syncthreads();
  }
}

__device__ void write(const List& list, std::uint64_t place, float value, std::int64_t latent) {
  if (place >= static_cast<std::uint64_t>(list.capacity)) return;
  list.values[place] = value;
  list.ids[place] = static_cast<std::int32_t>(latent);
}

// Entries of each row in order, a block a row. A row that is not finite has none to write.
__global__ void fill_kernel(Arguments g) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    const std::int64_t at = g.first + r;
    std::uint64_t active_at = g.active.begin[at], band_at = g.band.present ? g.band.begin[at] : 0u;
    const bool active_row = g.active.begin[at + 1] > active_at;
    const bool band_row = g.band.present && g.band.begin[at + 1] > band_at;
    if (!active_row && !band_row) continue;
    for (std::int64_t base = 0; base < g.latents; base += kThreads) {
      const std::int64_t j = base + threadIdx.x;
      const float h = j < g.latents ? pre_activation(g, r, j) : 0.0f;
      const Membership member = j < g.latents ? membership(g, h, j) : Membership{false, false};
      std::uint32_t actives, bands;
      const std::uint32_t active_place = block_scan(member.active, actives);
      const std::uint32_t band_place = block_scan(member.band, bands);
      if (member.active) write(g.active, active_at + active_place, h, j);
      if (member.band) write(g.band, band_at + band_place, g.weight, j);
      active_at += actives;
      band_at += bands;
    }
  }
}

// Offsets, and how long the list is or would have been.
__global__ void finish_kernel(List list, std::int64_t rows, std::uint32_t* needed) {
  const std::uint64_t total = list.begin[rows];
  const bool fits = total <= static_cast<std::uint64_t>(list.capacity);
  for (std::int64_t r = thread_number(); r <= rows; r += thread_count())
    list.row_offsets[r] = fits ? static_cast<std::int32_t>(list.begin[r]) : 0;
  if (thread_number() == 0) *needed = static_cast<std::uint32_t>(total < 0xffffffffu ? total : 0xffffffffu);
}

}  // namespace

std::uint64_t workspace_of(const EncodeThreshold& op) {
  return 2 * workspace_part((op.rows + 1) * 8) +
         PreActivations::workspace_bytes(op.rows, op.d_in, op.latents, op.precision);
}

void enqueue(const Scope& s, const EncodeThreshold& op, const EncodeThreshold::Operands& t) {
  const auto list = [&](const Tensor& values, const Tensor& ids, const Tensor& offsets, std::int64_t capacity,
                        bool present) {
    auto* begin = s.workspace.take<std::uint64_t>(op.rows + 1);
    check(cudaMemsetAsync(begin, 0, static_cast<std::size_t>(op.rows + 1) * 8, s.stream.handle()),
          "cudaMemsetAsync");
    return List{pointer_of<float>(values),
                pointer_of<std::int32_t>(ids),
                pointer_of<std::int32_t>(offsets),
                capacity,
                begin,
                present};
  };
  Arguments g{};
  g.bias = pointer_of<const float>(t.b_enc);
  g.threshold = pointer_of<const float>(t.threshold);
  g.latents = op.latents;
  g.half = op.band / 2, g.weight = op.band > 0 ? 1 / op.band : 0;
  g.active = list(t.values, t.ids, t.row_offsets, op.capacity, true);
  g.band = list(t.band_values, t.band_ids, t.band_offsets, op.band_capacity, op.band > 0);
  g.nonfinite = pointer_of<std::uint32_t>(t.nonfinite);
  PreActivations(s, t.x, t.w_enc, op.precision).each([&](std::int64_t first, const Tensor& h) {
    g.h = Floats(h), g.first = first, g.rows = h.rows;
    launch(s, count_kernel, blocks_for(g.rows), kThreads, g);
    launch(s, place_kernel, dim3(1), kThreads, g.active.begin, first, g.rows);
    if (g.band.present) launch(s, place_kernel, dim3(1), kThreads, g.band.begin, first, g.rows);
    launch(s, fill_kernel, blocks_for(g.rows), kThreads, g);
  });
  auto* needed = pointer_of<std::uint32_t>(t.needed);
  const dim3 grid = threads_for(op.rows + 1);
  launch(s, finish_kernel, grid, kThreads, g.active, op.rows, needed);
  if (g.band.present) {
    launch(s, finish_kernel, grid, kThreads, g.band, op.rows, needed + 1);
  } else {
    check(cudaMemsetAsync(needed + 1, 0, 4, s.stream.handle()), "cudaMemsetAsync");
  }
}

}  // namespace polysem::cuda
