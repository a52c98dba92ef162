#include "backends/cuda/latent_list.cuh"

namespace polysem::cuda {

namespace {

// Lane i sums every 32nd entry from the i-th on, then the lanes are summed.
__device__ float weight_sum(const LatentList& list, std::int64_t j) {
  const std::int64_t end = list.first(j + 1);
  float sum = 0.0f;
  for (std::int64_t i = list.first(j) + lane(); i < end; i += kWarp) {
    const std::int64_t entry = list.entries[i];
    if (entry >= 0 && entry < list.capacity) sum += list.weights[entry];
  }
  return warp_sum(sum);
}

// A warp a latent.
__global__ void weight_sums_kernel(std::int64_t latents, LatentList main, LatentList aux, float* out,
                                   bool accumulate) {
  const std::int64_t warps = thread_count() / kWarp;
  for (std::int64_t j = thread_number() / kWarp; j < latents; j += warps) {
    const float sum = weight_sum(main, j) + weight_sum(aux, j);
    if (lane() == 0) out[j] = accumulate ? out[j] + sum : sum;
  }
}

}  // namespace

void enqueue_weight_sums(const Scope& s, std::int64_t latents, const LatentList& main, const LatentList& aux,
                         float* out, bool accumulate) {
  launch(s, weight_sums_kernel, threads_for(latents * kWarp), kThreads, latents, main, aux, out, accumulate);
}

}  // namespace polysem::cuda
