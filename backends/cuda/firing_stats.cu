#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

namespace {

__device__ std::uint32_t saturating_add(std::uint32_t a, std::int64_t b) {
  const std::int64_t sum = a + b;
  return static_cast<std::uint32_t>(sum < 0xffffffff ? sum : 0xffffffff);
}

__global__ void firing_stats_kernel(FiringStats op, const std::int32_t* begin, const float* counts,
                                    std::uint32_t* fired, std::uint32_t* since) {
  for (std::int64_t j = thread_number(); j < op.latents; j += thread_count()) {
    const std::int64_t count = counts != nullptr ? static_cast<std::int64_t>(counts[j])
                                                 : static_cast<std::int64_t>(begin[j + 1]) - begin[j];
    fired[j] = saturating_add(fired[j], count);
    since[j] = count > 0 ? 0u : saturating_add(since[j], op.rows);
  }
}

}  // namespace

void enqueue(const Scope& s, const FiringStats& op, const FiringStats::Operands& t) {
  launch(s, firing_stats_kernel, threads_for(op.latents), kThreads, op,
         pointer_of<const std::int32_t>(t.begin), pointer_of<const float>(t.counts),
         pointer_of<std::uint32_t>(t.fired), pointer_of<std::uint32_t>(t.since));
}

}  // namespace polysem::cuda
