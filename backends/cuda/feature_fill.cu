#include "backends/cuda/philox.cuh"

namespace polysem::cuda {

namespace {

using Sets = FeatureFill::Sets;

// round(p 2^32); NaN and what is below 0 give 0.
__device__ std::uint64_t share_of(float density) {
  if (!(density > 0.0f)) return 0;
  const double share = density < 1.0f ? static_cast<double>(density) * 0x1p32 : 0x1p32;
  return static_cast<std::uint64_t>(share + 0.5);
}

__device__ std::uint64_t draw(const FeatureFill& op, std::uint32_t substream, std::uint64_t index) {
  return philox(op.seed, op.stream, substream, index >> 2).word[index & 3];
}

// Whether floor(decision set_size / share) is `member`, without a division; a member is below 2^31.
__device__ bool is_member(std::uint64_t decision, std::uint64_t share, const FeatureFill& op,
                          std::uint64_t member) {
  const std::uint64_t scaled = decision * static_cast<std::uint64_t>(op.set_size);
  return member * share <= scaled && scaled < (member + 1) * share;
}

// A thread an element.
__global__ void feature_fill_kernel(FeatureFill op, Floats density, Floats out) {
  const std::int64_t count = op.instances * op.features * op.batch;
  for (std::int64_t i = thread_number(); i < count; i += thread_count()) {
    const Place at = place_of(i, op.batch), feature = place_of(at.row, op.features);
    const std::uint64_t index = op.first + static_cast<std::uint64_t>(i), value = draw(op, 0, index);
    bool active;
    float drawn;
    if (op.sets == Sets::kIndependent) {
      const std::uint64_t share = share_of(density(feature.row, feature.col));
      active = value < share;
      drawn = static_cast<float>(value) / static_cast<float>(share);
    } else {
      const std::int64_t member = place_of(feature.col, op.set_size).col;
      const std::uint64_t share = share_of(density(feature.row, feature.col - member));
      const std::uint64_t decision = draw(op, 1, index - static_cast<std::uint64_t>(member * op.batch));
      active = decision < share && (op.sets == Sets::kTogether ||
                                    is_member(decision, share, op, static_cast<std::uint64_t>(member)));
      drawn = static_cast<float>(value) * 0x1p-32f;
    }
    out.set(at.row, at.col, !active ? 0.0f : op.symmetric ? 2.0f * drawn - 1.0f : drawn);
  }
}

}  // namespace

void enqueue(const Scope& s, const FeatureFill& op, const FeatureFill::Operands& t) {
  launch(s, feature_fill_kernel, threads_for(op.instances * op.features * op.batch), kThreads, op,
         Floats(t.density), Floats(t.out));
}

}  // namespace polysem::cuda
