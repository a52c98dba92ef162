#pragma once

#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

struct PhiloxWords {
  std::uint32_t word[4];
};

/// Philox4x32 with 10 rounds: words [4 block, 4 block + 4) of Random(seed, stream, substream) (random.hpp).
__device__ inline PhiloxWords philox(std::uint64_t seed, RandomStream stream, std::uint32_t substream,
                                     std::uint64_t block) {
  std::uint32_t c0 = static_cast<std::uint32_t>(block), c1 = static_cast<std::uint32_t>(block >> 32),
                c2 = static_cast<std::uint32_t>(stream), c3 = substream,
                key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
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

}  // namespace polysem::cuda
