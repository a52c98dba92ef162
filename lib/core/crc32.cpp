#include "lib/core/model_format.hpp"

namespace polysem::core {

namespace {

// Table k holds the checksum of a byte followed by k zero bytes: with all eight, eight bytes are taken at
// once
// ("slicing by 8", Kounavis and Berry 2005). A program that has to be small has sixteen entries instead.
#ifdef __OPTIMIZE_SIZE__
constexpr int kBits = 4, kTables = 1;
#else
constexpr int kBits = 8, kTables = 8;
#endif

struct Tables {
  std::uint32_t of[kTables][1 << kBits] = {};

  constexpr Tables() {
    for (std::uint32_t i = 0; i < (1u << kBits); ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < kBits; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
      of[0][i] = crc;
    }
    for (int k = 1; k < kTables; ++k)
      for (std::uint32_t i = 0; i < (1u << kBits); ++i)
        of[k][i] = (of[k - 1][i] >> kBits) ^ of[0][of[k - 1][i] & ((1u << kBits) - 1)];
  }
};
constexpr Tables kTable;

std::uint32_t one_byte(std::uint32_t crc, unsigned char byte) {
  crc ^= byte;
  for (int bits = 0; bits < 8; bits += kBits) crc = (crc >> kBits) ^ kTable.of[0][crc & ((1u << kBits) - 1)];
  return crc;
}

}  // namespace

std::uint32_t crc32(const void* bytes, std::size_t size, std::uint32_t before) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  std::uint32_t crc = ~before;
#ifndef __OPTIMIZE_SIZE__
  for (; size >= 8; at += 8, size -= 8) {
    const std::uint32_t low =
        crc ^ (at[0] | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24);
    crc = kTable.of[7][low & 0xff] ^ kTable.of[6][(low >> 8) & 0xff] ^ kTable.of[5][(low >> 16) & 0xff] ^
          kTable.of[4][low >> 24] ^ kTable.of[3][at[4]] ^ kTable.of[2][at[5]] ^ kTable.of[1][at[6]] ^
          kTable.of[0][at[7]];
  }
#endif
  for (; size > 0; ++at, --size) crc = one_byte(crc, *at);
  return ~crc;
}

}  // namespace polysem::core
