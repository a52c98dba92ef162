#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

namespace {

struct Words {
  std::uint32_t word[4];
};

// Philox4x32 with 10 rounds; the same numbers as Random gives (random.hpp).
__device__ Words philox(const RandomFill& op, std::uint64_t block) {
  std::uint32_t c0 = static_cast<std::uint32_t>(block), c1 = static_cast<std::uint32_t>(block >> 32),
                c2 = static_cast<std::uint32_t>(op.stream), c3 = op.substream,
                key0 = static_cast<std::uint32_t>(op.seed), key1 = static_cast<std::uint32_t>(op.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(0xD2511F53u) * c0;
    const std::uint64_t p1 = static_cast<std::uint64_t>(0xCD9E8D57u) * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ key0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ key1;
    c3 = static_cast<std::uint32_t>(p0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

__device__ float uniform(const RandomFill& op, std::uint64_t index) {
  const Words words = philox(op, index >> 2);
  return static_cast<float>(words.word[index & 3] >> 8) * 0x1p-24f;
}

__device__ float normal(const RandomFill& op, std::uint64_t index) {
  constexpr double kPi = 3.141592653589793;
  const Words words = philox(op, index >> 1);
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
