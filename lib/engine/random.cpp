#include "polysem/random.hpp"

#include <cmath>
#include <numbers>

namespace polysem {

Philox4x32::Counter Philox4x32::block(Counter c, Key key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return c;
}

std::uint32_t Random::bits(std::uint64_t index) const noexcept {
  const std::uint64_t block = index >> 2;
  const auto words = Philox4x32::block(
      {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), stream_, substream_},
      key_);
  return words[index & 3];
}

std::uint64_t Random::bits64(std::uint64_t index) const noexcept {
  const std::uint64_t block = index >> 1;
  const auto words = Philox4x32::block(
      {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), stream_, substream_},
      key_);
  const std::size_t first = (index & 1) * 2;
  return std::uint64_t{words[first]} | (std::uint64_t{words[first + 1]} << 32);
}

float Random::uniform(std::uint64_t index) const noexcept {
  return static_cast<float>(bits(index) >> 8) * 0x1p-24f;
}

float Random::normal(std::uint64_t index) const noexcept {
  const std::uint64_t word = bits64(index);
  const double radius = (static_cast<double>(static_cast<std::uint32_t>(word)) + 0.5) * 0x1p-32;
  const double angle = static_cast<double>(word >> 32) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(radius)) * std::cos(2.0 * std::numbers::pi * angle));
}

std::uint64_t Random::below(std::uint64_t bound, std::uint64_t index) const noexcept {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{bits64(index)} * bound) >> 64);
}

}  // namespace polysem
