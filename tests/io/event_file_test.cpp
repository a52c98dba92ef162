#include "lib/io/event_file.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "polysem/file.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem::io {
namespace {

using test::TemporaryFolder;

std::uint32_t crc_of(const std::string& bytes) { return crc32c(std::as_bytes(std::span(bytes))); }

// RFC 3720, appendix B.4; the last is the check value of the catalogue of parametrised CRC algorithms.
TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc_of(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc_of(std::string(32, '\xff')), 0x62a8ab43u);
  std::string up, down;
  for (char i = 0; i < 32; ++i) up.push_back(i), down.push_back(static_cast<char>(31 - i));
  EXPECT_EQ(crc_of(up), 0x46dd794eu);
  EXPECT_EQ(crc_of(down), 0x113fdb5cu);
  EXPECT_EQ(crc_of("123456789"), 0xe3069283u);
}

/// The payloads of a file's records, their lengths and checksums checked.
std::vector<std::string> records_of(const std::string& bytes) {
  std::vector<std::string> records;
  const auto number = [&](std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, size);
    return value;
  };
  const auto expect_checksum = [&](std::size_t first, std::size_t size) {
    const std::uint32_t crc = crc_of(bytes.substr(first, size));
    EXPECT_EQ(number(first + size, 4), ((crc >> 15 | crc << 17) + 0xa282ead8u) & 0xffffffffu);
  };
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = number(at, 8);
    if (at + size + 16 > bytes.size()) {
      ADD_FAILURE() << "a record does not fit";
      break;
    }
    expect_checksum(at, 8);
    expect_checksum(at + 12, size);
    records.push_back(bytes.substr(at + 12, size));
    at += size + 16;
  }
  return records;
}

// By hand from event.proto and summary.proto and the encoding of protocol buffers: field 1 is a double (09),
// field 2 a varint (10), 3, 5 and 7 have lengths (1a, 2a, 3a); in a value 0a is the tag and 15 a float.
TEST(EventFile, HoldsRecordsThatTensorBoardReads) {
  using namespace std::string_literals;
  const TemporaryFolder folder;
  EventFile file(folder.path(), 301);
  file.write(350, std::vector<Scalar>{{"metrics/l0", 1.5}, {"a", -2}});
  file.flush();
  const auto records = records_of(read_file(file.path()));
  ASSERT_EQ(records.size(), 3u);
  for (const std::string& record : records) {
    ASSERT_EQ(record[0], '\x09');
    double time = 0;
    std::memcpy(&time, record.data() + 1, sizeof time);
    EXPECT_GT(time, 1.7e9);
  }
  EXPECT_EQ(records[0].substr(9), "\x10\x00\x1a\x0d"s + "brain.Event:2");
  EXPECT_EQ(records[1].substr(9), "\x10\xad\x02\x3a\x02\x08\x01"s);
  EXPECT_EQ(records[2].substr(9), "\x10\xde\x02\x2a\x1d"s +
                                      "\x0a\x11\x0a\x0ametrics/l0\x15\x00\x00\xc0\x3f"s +
                                      "\x0a\x08\x0a\x01\x61\x15\x00\x00\x00\xc0"s);
}

TEST(EventFile, EveryFileSortsBehindThoseBefore) {
  const TemporaryFolder folder;
  const EventFile first(folder.path(), 1), second(folder.path(), 5), third(folder.path(), 9);
  EXPECT_LT(first.path(), second.path());
  EXPECT_LT(second.path(), third.path());
  EXPECT_EQ(records_of(read_file(first.path())).size(), 2u);
  EXPECT_NE(first.path().filename().string().find("events.out.tfevents."), std::string::npos);
}

TEST(EventFile, SaysWhereItCannotBeWritten) {
  const TemporaryFolder folder;
  test::expect_error(ErrorCode::kFailed, "missing/events.out.tfevents.",
                     [&] { EventFile(folder / "missing", 1); });
}

}  // namespace
}  // namespace polysem::io
