#pragma once

#include <cstdint>
#include <string>

namespace polysem::onednn {

/// What the processor has. The flags say that the instructions exist and that the system saves their
/// registers.
struct Cpu {
  std::string model;
  std::string features;  ///< those that matter here, for instance "avx2 avx512 avx512_bf16"
  bool avx2 = false;     ///< with FMA
  bool avx512 = false;   ///< F, BW, DQ and VL
  bool bf16 = false;     ///< arithmetic on bf16: AVX-512 BF16 or AMX
  std::uint64_t memory_bytes = 0;
};

const Cpu& cpu();

}  // namespace polysem::onednn
