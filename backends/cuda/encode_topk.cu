#include "backends/cuda/pre_activations.hpp"
#include "backends/cuda/ranks.cuh"

namespace polysem::cuda {

namespace {

constexpr std::int64_t kMostGroups = 2048, kMostChosen = 1024;

struct Arguments {
  Floats h;
  const float* bias;
  const float* scale;              // null without
  const std::int32_t* candidates;  // latent of each column, null for its number
  std::int64_t rows, n, k;
  std::int64_t group, groups;  // latents in a group; number of groups, 0 to search all latents at once
  float* values;
  std::int32_t* ids;
  std::uint32_t* nonfinite;
};

/// One row of pre-activations.
struct Row {
  const Arguments& g;
  const float* h;

  __device__ std::int64_t latent(std::int64_t i) const {
    return g.candidates != nullptr ? g.candidates[i] : i;
  }
  __device__ float value(std::int64_t i) const { return h[i] + g.bias[i]; }
  __device__ std::uint32_t key(std::int64_t i) const {
    return order_key(g.scale != nullptr ? value(i) * g.scale[i] : value(i));
  }
};

// Lists that are searched. Beyond the last latent lies what nothing is below.
struct AllOf {
  const Row& row;
  __device__ std::int64_t member(std::int64_t i) const { return i; }
  __device__ std::uint32_t key(std::int64_t i) const { return row.key(i); }
};
struct MaximaOf {
  const std::uint32_t* maxima;
  __device__ std::uint32_t key(std::int64_t i) const { return maxima[i]; }
};
struct MembersOf {
  const Row& row;
  const std::uint32_t* chosen;
  __device__ std::int64_t member(std::int64_t i) const {
    const Place at = place_of(i, row.g.group);
    return chosen[at.row] * row.g.group + at.col;
  }
  __device__ std::uint32_t key(std::int64_t i) const {
    const std::int64_t j = member(i);
    return j < row.g.n ? row.key(j) : 0u;
  }
};

struct KeptMembersOf {
  MembersOf members;
  const std::uint32_t* keys;
  __device__ std::int64_t member(std::int64_t i) const { return members.member(i); }
  __device__ std::uint32_t key(std::int64_t i) const { return keys[i]; }
};

// The k-th largest key of a list, eight bits at a time.
template <class List>
__device__ Search find_kth(const List& list, std::int64_t count, std::int64_t k) {
  __shared__ std::uint32_t histogram[256];
  __shared__ Search search;
  if (threadIdx.x == 0) search = {0u, static_cast<std::uint32_t>(k)};
  for (int shift = 24; shift >= 0; shift -= 8) {
    histogram[threadIdx.x] = 0;
    __syncthreads();
    for (std::int64_t i = threadIdx.x; i < count; i += kThreads) {
      const std::uint32_t key = list.key(i);
      if (in_question(key, search.prefix, shift)) atomicAdd(&histogram[(key >> shift) & 255u], 1u);
    }
    __syncthreads();
    narrow_search(histogram, shift, search);
  }
  const Search found = search;
  __syncthreads();
  return found;
}

// Calls take(place, i) for what is above the k-th largest key, and for the first of those equal to it, in
// order. Each thread has a stretch of the list.
template <class List, class F>
__device__ void each_taken(const List& list, std::int64_t count, const Search& kth, F&& take) {
  const std::int64_t part = (count + kThreads - 1) / kThreads, first = threadIdx.x * part;
  const std::int64_t end = first + part < count ? first + part : count;
  std::uint32_t above = 0, equal = 0, total;
  for (std::int64_t i = first; i < end; ++i) {
    const std::uint32_t key = list.key(i);
    above += key > kth.prefix;
    equal += key == kth.prefix;
  }
  std::uint32_t ties = block_scan(equal, total);
  std::uint32_t place = block_scan(taken(above, equal, ties, kth.wanted), total);
  for (std::int64_t i = first; i < end; ++i) {
    const std::uint32_t key = list.key(i);
    if (key < kth.prefix || (key == kth.prefix && ties++ >= kth.wanted)) continue;
    take(place++, i);
  }
  __syncthreads();
}

template <class List>
__device__ void select(const Row& row, const List& list, std::int64_t count, std::int64_t out) {
  each_taken(list, count, find_kth(list, count, row.g.k), [&](std::uint32_t place, std::int64_t i) {
    const std::int64_t j = list.member(i);
    const float value = row.value(j);
    row.g.ids[out + place] = static_cast<std::int32_t>(row.latent(j));
    row.g.values[out + place] = value > 0.0f ? value : 0.0f;
  });
}

// Largest key of each group, a warp some groups at a time, whose loads are under way together; gives whether
// this thread saw only finite numbers.
__device__ bool find_maxima(const Row& row, std::uint32_t* maxima) {
  constexpr int kAtOnce = 4;
  bool finite = true;
  for (std::int64_t q = warp() * kAtOnce; q < row.g.groups; q += kThreads / kWarp * kAtOnce) {
    std::uint32_t most[kAtOnce] = {};
    for (std::int64_t c = lane(); c < row.g.group; c += kWarp) {
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        const std::int64_t i = (q + u) * row.g.group + c, j = i < row.g.n ? i : 0;
        const std::uint32_t own = row.key(j), key = i < row.g.n ? own : 0u;
        const bool good = is_finite(row.value(j));  // not behind &&: loads would wait for each other
        finite = finite && good;
        most[u] = key > most[u] ? key : most[u];
      }
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      const std::uint32_t largest = __reduce_max_sync(kAllLanes, most[u]);
      if (lane() == 0 && q + u < row.g.groups) maxima[q + u] = largest;
    }
  }
  return finite;
}

// The k largest of the chosen groups' members; where there is room in place of the maxima, their keys are
// read once.
__device__ void select_members(const Row& row, const std::uint32_t* chosen, std::uint32_t* maxima,
                               std::int64_t out) {
  const MembersOf members{row, chosen};
  const std::int64_t count = row.g.k * row.g.group;
  if (count > kMostGroups) return select(row, members, count, out);
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) maxima[i] = members.key(i);
  __syncthreads();
  select(row, KeptMembersOf{members, maxima}, count, out);
}

// The k largest of each row, a block a row: exact, ties to the lowest latent, in ascending order of the
// latent. The k groups of neighbouring latents with the largest maxima hold the k largest (ties to the lowest
// group); so the row is read once, and the search runs over maxima, then over the members of the chosen
// groups.
__global__ void __launch_bounds__(kThreads, 2) encode_topk_kernel(Arguments g) {
  __shared__ std::uint32_t maxima[kMostGroups], chosen[kMostChosen];
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    const Row row{g, static_cast<const float*>(g.h.data) + r * g.h.stride};
    const std::int64_t out = r * g.k;
    bool finite = true;
    if (g.groups > 0) {
      finite = find_maxima(row, maxima);
    } else {
      for (std::int64_t i = threadIdx.x; i < g.n; i += kThreads) {
        const bool good = is_finite(row.value(i));
        finite = finite && good;
      }
    }
    if (__syncthreads_or(!finite)) {
      for (std::int64_t i = threadIdx.x; i < g.k; i += kThreads) {
        g.ids[out + i] = static_cast<std::int32_t>(row.latent(i));
        g.values[out + i] = 0.0f;
      }
      if (threadIdx.x == 0 && g.nonfinite != nullptr) atomicAdd(g.nonfinite, 1u);
    } else if (g.groups > 0) {
      const MaximaOf groups{maxima};
      each_taken(groups, g.groups, find_kth(groups, g.groups, g.k),
                 [&](std::uint32_t place, std::int64_t i) { chosen[place] = static_cast<std::uint32_t>(i); });
      select_members(row, chosen, maxima, out);
    } else {
      select(row, AllOf{row}, g.n, out);
    }
    __syncthreads();
  }
}

std::int64_t taking_part(const EncodeTopK& op) { return op.candidates > 0 ? op.candidates : op.latents; }

/// W_enc, b_enc and scale of the latents that take part.
struct Part {
  Tensor w_enc, b_enc, scale;
};

// Those of candidates are gathered, so that the product is of them alone.
Part part_of(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t) {
  if (op.candidates == 0) return {t.w_enc, t.b_enc, t.scale};
  const auto gather = [&](const Tensor& from, const Tensor& to) {
    enqueue(s, GatherRows{.rows = op.candidates, .cols = to.cols, .table_rows = op.latents},
            {.table = from, .ids = t.candidates, .out = to});
    return to;
  };
  const auto gather_vector = [&](const Tensor& from) {  // as a column
    const Tensor to = s.workspace.matrix(1, op.candidates);
    gather(from.reshaped(op.latents, 1), to.reshaped(op.candidates, 1));
    return to;
  };
  Part part;
  part.w_enc = gather(t.w_enc, s.workspace.matrix(op.candidates, op.d_in, storage_type(op.precision)));
  part.b_enc = gather_vector(t.b_enc);
  if (t.scale) part.scale = gather_vector(t.scale);
  return part;
}

std::uint64_t part_bytes(const EncodeTopK& op) {
  return op.candidates == 0 ? 0 : matrix_part(op.candidates, op.d_in) + 2 * matrix_part(1, op.candidates);
}

}  // namespace

std::uint64_t workspace_of(const EncodeTopK& op) {
  return part_bytes(op) + PreActivations::workspace_bytes(op.rows, op.d_in, taking_part(op), op.precision);
}

void enqueue(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t) {
  if (op.rows == 0) return;
  const Part part = part_of(s, op, t);
  const std::int64_t n = taking_part(op);
  Arguments g{};
  g.bias = pointer_of<const float>(part.b_enc);
  g.scale = pointer_of<const float>(part.scale);
  g.candidates = op.candidates > 0 ? pointer_of<const std::int32_t>(t.candidates) : nullptr;
  g.n = n, g.k = op.k;
  g.group = std::max<std::int64_t>(kWarp, (n + kMostGroups - 1) / kMostGroups);
  g.groups = (n + g.group - 1) / g.group;
  if (op.k >= g.groups || op.k > kMostChosen) g.groups = 0;
  g.nonfinite = pointer_of<std::uint32_t>(t.nonfinite);
  PreActivations(s, t.x, part.w_enc, op.precision).each([&](std::int64_t first, const Tensor& h) {
    g.h = Floats(h), g.rows = h.rows;
    g.values = pointer_of<float>(t.values) + first * op.k;
    g.ids = pointer_of<std::int32_t>(t.ids) + first * op.k;
    launch(s, encode_topk_kernel, blocks_for(g.rows), kThreads, g);
  });
}

}  // namespace polysem::cuda
