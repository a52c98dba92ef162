#include "polysem/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <utility>

#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::TemporaryFolder;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, ShowsTheBytesAndSurvivesMoves) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "a", std::string_view("hello"));
  MappedFile file(folder / "a");
  EXPECT_EQ(text_of(file), "hello");
  const auto* data = file.bytes().data();
  MappedFile other = std::move(file);
  EXPECT_EQ(other.bytes().data(), data);
  EXPECT_TRUE(file.bytes().empty());  // NOLINT(bugprone-use-after-move): what is left is part of the contract
  other = MappedFile();
  EXPECT_TRUE(other.bytes().empty());
}

TEST(MappedFile, EmptyFileIsFine) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "a", std::string_view());
  EXPECT_TRUE(MappedFile(folder / "a").bytes().empty());
  EXPECT_EQ(read_file(folder / "a"), "");
}

TEST(MappedFile, SaysWhyNot) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::kBadInput, "nothing: No such file", [&] { MappedFile file(folder / "nothing"); });
  expect_error(ErrorCode::kBadInput, "Is a directory", [&] { MappedFile file(folder.path()); });
  expect_error(ErrorCode::kBadInput, "not a regular file", [] { MappedFile file("/dev/null"); });
}

TEST(ReadFile, ReadsMoreThanOnePieceAndStopsAtTheLimit) {
  const TemporaryFolder folder;
  std::string text((std::size_t{1} << 20) * 2 + 17, 'x');
  text.back() = 'y';
  write_file_atomic(folder / "a", text);
  EXPECT_EQ(read_file(folder / "a"), text);
  EXPECT_EQ(read_file(folder / "a", text.size()), text);
  expect_error(ErrorCode::kBadInput, "larger than", [&] { read_file(folder / "a", text.size() - 1); });
  expect_error(ErrorCode::kBadInput, "No such file", [&] { read_file(folder / "b"); });
}

TEST(AtomicFile, NothingAppearsBeforeCommit) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "a", std::string_view("old"));
  {
    AtomicFile file(folder / "a");
    file.write(bytes_of("new text"));
    EXPECT_EQ(file.size(), 8u);
    EXPECT_EQ(read_file(folder / "a"), "old");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1u);
  AtomicFile file(folder / "a");
  file.write(bytes_of("new"));
  file.write_at(1, bytes_of("o"));
  file.write(bytes_of(" text"));
  AtomicFile moved = std::move(file);
  moved.commit();
  EXPECT_EQ(read_file(folder / "a"), "now text");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, KeepsPermissionsAndFollowsLinks) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "a", std::string_view("1"));
  ::chmod((folder / "a").c_str(), 0640);
  std::filesystem::create_symlink("a", folder / "link");
  write_file_atomic(folder / "link", std::string_view("2"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "a"), "2");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
}

TEST(AtomicFile, RemovesWhatKilledWritersLeftAndNothingElse) {
  const TemporaryFolder folder;
  const std::string others[] = {".a.txt",    ".a.1-0.tmp.txt", ".ab.1-0.tmp",
                                "a.1-0.tmp", ".a..tmp",        ".a.x.tmp"};
  for (const std::string& name : others) std::ofstream(folder / name) << "mine";
  std::ofstream(folder / ".a.1-0.tmp") << "left behind";
  AtomicFile living(folder / "a");
  write_file_atomic(folder / "a", std::string_view("second"));
  for (const std::string& name : others) EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  EXPECT_FALSE(std::filesystem::exists(folder / ".a.1-0.tmp"));
  living.write(bytes_of("first"));
  living.commit();
  EXPECT_EQ(read_file(folder / "a"), "first");
  EXPECT_EQ(folder.entries(), std::size(others) + 1);
}

TEST(RequireWritable, LeavesNoTraceAndSaysWhatWritingWouldMeet) {
  const TemporaryFolder folder;
  require_writable(folder / "a");
  require_writable("/dev/null");
  EXPECT_EQ(folder.entries(), 0u);
  write_file_atomic(folder / "a", std::string_view("old"));
  require_writable(folder / "a");
  EXPECT_EQ(read_file(folder / "a"), "old");
  expect_error(ErrorCode::kFailed, "a/b: Not a directory", [&] { require_writable(folder / "a" / "b"); });
  expect_error(ErrorCode::kFailed, "No such file", [&] { require_writable(folder / "no" / "b"); });
  expect_error(ErrorCode::kFailed, "Is a directory", [&] { require_writable(folder.path()); });
}

TEST(AtomicFile, SaysWhyNot) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::kFailed, "Is a directory", [&] { AtomicFile file(folder.path()); });
  expect_error(ErrorCode::kFailed, "No such file", [&] { AtomicFile file(folder / "no" / "a"); });
}

TEST(AtomicFile, FullDiskIsSaid) {
  expect_error(ErrorCode::kFailed, "/dev/full: No space left",
               [] { write_file_atomic("/dev/full", std::string_view("x")); });
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

// /dev/shm is a folder in memory, not a place of devices: files are made there as everywhere.
TEST(AtomicFile, WritesIntoSharedMemory) {
  std::string folder = "/dev/shm/polysem-test-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) GTEST_SKIP() << "no /dev/shm here";
  write_file_atomic(folder + "/a", std::string_view("1"));
  EXPECT_EQ(read_file(folder + "/a"), "1");
  std::filesystem::remove_all(folder);
}

TEST(AtomicFile, FailureHalfWayKeepsTheOldFileAndCleansUp) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "a", std::string_view("old"));
  {
    const test::FileSizeLimit disk(4096);
    expect_error(ErrorCode::kFailed, "a: File too large",
                 [&] { write_file_atomic(folder / "a", std::string(10000, 'x')); });
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

// Test vectors of FIPS 180-4 (NIST's examples).
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(bytes_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, FileInPiecesEqualsWhole) {
  const TemporaryFolder folder;
  const std::string text((std::size_t{1} << 20) + 5, 'a');
  write_file_atomic(folder / "a", text);
  EXPECT_EQ(sha256_file(folder / "a"), sha256_hex(bytes_of(text)));
  const std::string million(1000000, 'a');  // NIST's third example
  EXPECT_EQ(sha256_hex(bytes_of(million)),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  expect_error(ErrorCode::kBadInput, "No such file", [&] { sha256_file(folder / "b"); });
}

}  // namespace
}  // namespace polysem
