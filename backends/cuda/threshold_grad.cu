#include "backends/cuda/block.cuh"

namespace polysem::cuda {

namespace {

struct Arguments {
  std::int64_t latents, capacity;
  float penalty;
  const std::int32_t* begin;
  const std::int32_t* entries;
  const float* values;
  const float* gradient;
  const float* threshold;
  float* out;
};

__device__ std::int64_t within(std::int64_t i, std::int64_t count) {
  return i < 0 ? 0 : i < count ? i : count;
}

// A warp a latent: lane i sums every 32nd entry from the i-th on, then the lanes are summed.
__global__ void threshold_grad_kernel(Arguments g) {
  const std::int64_t warps = thread_count() / kWarp;
  for (std::int64_t j = thread_number() / kWarp; j < g.latents; j += warps) {
    const std::int64_t begin = within(g.begin[j], g.capacity), end = within(g.begin[j + 1], g.capacity);
    float sum = 0.0f;
    for (std::int64_t i = begin + lane(); i < end; i += kWarp) {
      const std::int64_t e = g.entries[i];
      if (e >= 0 && e < g.capacity) sum += g.values[e] * (g.threshold[j] * g.gradient[e] + g.penalty);
    }
    sum = warp_sum(sum);
    if (lane() == 0) g.out[j] = -sum;
  }
}

}  // namespace

void enqueue(const Scope& s, const ThresholdGrad& op, const ThresholdGrad::Operands& t) {
  launch(s, threshold_grad_kernel, threads_for(op.latents * kWarp), kThreads,
         Arguments{op.latents, op.capacity, op.penalty, pointer_of<const std::int32_t>(t.begin),
                   pointer_of<const std::int32_t>(t.entries), pointer_of<const float>(t.values),
                   pointer_of<const float>(t.gradient), pointer_of<const float>(t.threshold),
                   pointer_of<float>(t.out)});
}

}  // namespace polysem::cuda
