#include "backends/cuda/philox.cuh"

namespace polysem::cuda {

namespace {

__device__ float uniform(const RandomFill& op, std::uint64_t index) {
  const PhiloxWords words = philox(op.seed, op.stream, op.substream, index >> 2);
  return static_cast<float>(words.word[index & 3] >> 8) * 0x1p-24f;
}

__device__ float normal(const RandomFill& op, std::uint64_t index) {
  constexpr double kPi = 3.141592653589793;
  const PhiloxWords words = philox(op.seed, op.stream, op.substream, index >> 1);
  const unsigned first = (index & 1) * 2;
  const double radius = (static_cast<double>(words.word[first]) + 0.5) * 0x1p-32;
  const double angle = static_cast<double>(words.word[first + 1]) * 0x1p-32;
  return static_cast<float>(sqrt(-2.0 * log(radius)) * cos(2.0 * kPi * angle));
}

__global__ void random_fill_kernel(RandomFill op, Floats out) {
  for (std::int64_t i = thread_number(); i < op.rows * op.cols; i += thread_count()) {
    const std::uint64_t index = op.first + static_cast<std::uint64_t>(i);
    const double draw = op.kind == RandomFill::Kind::kNormal ? normal(op, index) : uniform(op, index);
    const Place at = place_of(i, op.cols);
    out.set(at.row, at.col, static_cast<float>(op.shift + static_cast<double>(op.scale) * draw));
  }
}

}  // namespace

void enqueue(const Scope& s, const RandomFill& op, const RandomFill::Operands& t) {
  launch(s, random_fill_kernel, threads_for(op.rows * op.cols), kThreads, op, Floats(t.out));
}

}  // namespace polysem::cuda
