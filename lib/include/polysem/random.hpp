#pragma once

#include <array>
#include <cstdint>

namespace polysem {

/// Philox4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
/// 2011): 128 bits of counter and 64 bits of key give 128 random bits. Checked against Random123's known
/// answers.
struct Philox4x32 {
  using Counter = std::array<std::uint32_t, 4>;
  using Key = std::array<std::uint32_t, 2>;
  static Counter block(Counter counter, Key key) noexcept;
};

/// What randomness is used for. Each purpose has a stream of its own, so that changing one (more noise,
/// another initialisation) leaves the others as they were.
enum class RandomStream : std::uint32_t { kData = 1, kInitialisation, kShuffle, kNoise, kSampling };

/// Random numbers by index: the same (seed, stream, substream, index) gives the same number on every machine,
/// backend and thread count. Cheap to copy; has no state that advances.
class Random {
 public:
  Random(std::uint64_t seed, RandomStream stream, std::uint32_t substream = 0) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        stream_(static_cast<std::uint32_t>(stream)),
        substream_(substream) {}

  /// 32 random bits number `index`.
  std::uint32_t bits(std::uint64_t index) const noexcept;
  /// 64 random bits number `index`: words 2 i and 2 i + 1 of bits().
  std::uint64_t bits64(std::uint64_t index) const noexcept;
  /// Uniform in [0, 1): the upper 24 bits of bits(index), times 2^-24.
  float uniform(std::uint64_t index) const noexcept;
  /// Standard normal by Box-Muller, from bits 2 i and 2 i + 1, computed in double and rounded once.
  float normal(std::uint64_t index) const noexcept;
  /// Integer in [0, bound) without modulo bias beyond 2^-64 (bound > 0).
  std::uint64_t below(std::uint64_t bound, std::uint64_t index) const noexcept;

 private:
  Philox4x32::Key key_;
  std::uint32_t stream_;
  std::uint32_t substream_;
};

}  // namespace polysem
