#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem::test {

/// Little-endian bytes of a number, for files that are built byte by byte.
template <class T>
std::string le(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// Writes without ceremony: what the reader under test is to find. Removed first, because some file systems
/// flush a file that is truncated and written again, which costs thousands of rounds dear.
inline void put(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Runs `read`; the only way in which it may fail is Error{kBadInput}. True if it did not fail.
template <class Read>
bool survives(const Read& read, const std::string& what) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput) << what << ": " << error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
  return false;
}

/// `read` must refuse the file cut short at every offset.
template <class Read>
void refuse_every_truncation(const std::filesystem::path& path, const std::string& whole, const Read& read) {
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put(path, whole.substr(0, size));
    EXPECT_FALSE(survives(read, "cut at " + std::to_string(size))) << "accepted a file cut at " << size;
  }
  put(path, whole);
}

/// `read` must survive files with a few bytes changed: mostly single bits, sometimes extreme bytes, sometimes
/// ASCII digits, which is where sizes stand in text headers.
template <class Read>
void survive_mutations(const std::filesystem::path& path, const std::string& whole, int rounds,
                       const Read& read) {
  const Random random(20261122, RandomStream::kNoise);
  std::uint64_t draw = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = whole;
    const auto changes = 1 + random.below(4, draw++);
    for (std::uint64_t i = 0; i < changes; ++i) {
      auto& byte = bytes[random.below(bytes.size(), draw++)];
      const auto kind = random.below(4, draw++);
      const auto value = random.below(256, draw++);
      if (kind < 2) byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1u << (value & 7)));
      if (kind == 2) byte = static_cast<char>(value & 1 ? 0xff : 0x00);
      if (kind == 3) byte = static_cast<char>('0' + value % 10);
    }
    put(path, bytes);
    survives(read, "mutation " + std::to_string(round));
  }
  put(path, whole);
}

}  // namespace polysem::test
