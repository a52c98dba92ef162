#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>
#include <numeric>
#include <vector>

#include "polysem/store.hpp"
#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::put;
using test::TemporaryFolder;

StoreInfo sample_info(DType dtype = DType::kF32) {
  StoreInfo info;
  info.dim = 3;
  info.dtype = dtype;
  info.site = "blocks.1.hook_resid_post";
  info.text_sources = {"name that is not UTF-8: \xff"};
  info.recipe = R"({"tokens": 12})";
  return info;
}

void append_rows(StoreWriter& writer, int first, int count) {
  std::vector<float> rows(static_cast<std::size_t>(count) * 3);
  std::iota(rows.begin(), rows.end(), static_cast<float>(first * 3));
  std::vector<RowLabel> labels;
  for (int row = first; row < first + count; ++row) labels.push_back({row, row % 4, row / 4});
  writer.append(rows, labels);
}

const std::vector<StoreDocument> kDocuments = {{"one", "a.txt", "prose"}, {"two", "a.txt", "verse"}};

void write_sample(const std::filesystem::path& folder) {
  StoreWriter writer(folder, sample_info());
  append_rows(writer, 0, 4);
  writer.end_shard("4");
  append_rows(writer, 4, 2);
  writer.finish(sample_info(), kDocuments);
}

void read_all(const std::filesystem::path& folder) {
  const ActivationStore store(folder);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(store.rows()));
  std::iota(ids.begin(), ids.end(), 0);
  std::vector<float> out(ids.size() * static_cast<std::size_t>(store.dim()));
  store.read(ids, out);
  std::vector<RowLabel> labels(ids.size());
  store.read_labels(0, labels);
  store.verify();
}

TEST(StoreHostile, SurvivesTruncationAndMutation) {
  const TemporaryFolder folder;
  write_sample(folder.path());
  read_all(folder.path());
  const auto read = [&] { read_all(folder.path()); };
  for (const char* name : {"store.json", "shard-00001.safetensors", "documents.json", "mean.safetensors"}) {
    std::string whole = read_file(folder / name);
    if (whole.back() == '\n') whole.pop_back();
    test::refuse_every_truncation(folder / name, whole, read);
    test::survive_mutations(folder / name, whole, 500, read);
  }
}

/// Replaces one piece of a file and expects to be told.
void refuse_change(const char* file, const std::string& from, const std::string& to,
                   const std::string& part) {
  const TemporaryFolder folder;
  write_sample(folder.path());
  std::string text = read_file(folder / file);
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  put(folder / file, text.replace(at, from.size(), to));
  expect_error(ErrorCode::kBadInput, part, [&] { read_all(folder.path()); });
}

TEST(StoreHostile, RefusesLies) {
  refuse_change("store.json", "\"dim\": 3", "\"dim\": 0", "dim: expected an integer from 1");
  refuse_change("store.json", "\"dim\": 3", "\"dim\": 9223372036854775807", "dim: expected an integer");
  refuse_change("store.json", "\"dim\": 3", "\"dim\": 4", "x: expected f32 [4, 4], found f32 [4, 3]");
  refuse_change("store.json", "\"rows\": 2", "\"rows\": 1099511627776", "x: expected f32 [1099511627776, 3]");
  refuse_change("store.json", "\"rows\": 2", "\"rows\": -2", "rows: expected an integer from 1");
  refuse_change("store.json", "\"f32\"", "\"bf16\"", "x: expected bf16 [4, 3], found f32");
  refuse_change("store.json", "shard-00001", "shard-00000", "expected f32 [2, 3], found f32 [4, 3]");
  refuse_change("store.json", "shard-00001", "shard-00009", "shard-00009.safetensors: No such file");
  refuse_change("store.json", "shard-00001", ".shard", "plain file name");
  refuse_change("store.json", "\"shards\"", "\"shard\"", "the key \"shards\" is missing");
  refuse_change("store.json",
                "\"variance\":", "\"variance\": {}, \"v\":", "stats.variance: expected a number");
  refuse_change("documents.json", "},", "}, 5,", "documents.json");
  refuse_change("shard-00000.safetensors", "\"token\":{\"dtype\":\"I32\"", "\"token\":{\"dtype\":\"F32\"",
                "token: expected i32 [4], found f32 [4]");
}

TEST(StoreHostile, RefusesADocumentThatIsNotListed) {
  const TemporaryFolder folder;
  write_sample(folder.path());
  put(folder / "documents.json", R"([{"name": "one"}])");
  expect_error(ErrorCode::kBadInput, "document 1 is not in documents.json", [&] { read_all(folder.path()); });
}

TEST(StoreHostile, RefusesValuesThatOverflowTheType) {
  const auto append = [](DType dtype, float value) {
    const TemporaryFolder folder;
    StoreWriter writer(folder.path(), sample_info(dtype));
    const std::vector<float> rows = {1, 2, 3, 4, value, 6};
    const std::vector<RowLabel> labels(2);
    writer.append(rows, labels);
    writer.finish(sample_info(dtype), {});
    read_all(folder.path());
    return ActivationStore(folder.path()).stats().mean[1];
  };
  constexpr float kMax = std::numeric_limits<float>::max(), kInf = std::numeric_limits<float>::infinity();
  const auto refuse = [&](DType dtype, float value, const std::string& part) {
    expect_error(ErrorCode::kBadInput, "row 1, dimension 1 " + part, [&] { append(dtype, value); });
  };
  // 65504 is the largest half, 65520 the first number that rounds to infinity; for bf16 it is 255.5 / 128
  // 2^127.
  EXPECT_EQ(append(DType::kF16, -65519.0f), (2.0f - 65504.0f) / 2);
  refuse(DType::kF16, 65520.0f, "is too large for f16");
  refuse(DType::kBF16, 0x1.ffp127f, "is too large for bf16");
  refuse(DType::kBF16, kMax, "is too large for bf16");
  EXPECT_GT(append(DType::kBF16, 0x1.fefffep127f), 1e38f);
  EXPECT_GT(append(DType::kF32, kMax), 1e38f);
  refuse(DType::kF32, -kInf, "is not finite");
  refuse(DType::kF16, std::numeric_limits<float>::quiet_NaN(), "is not finite");
}

/// A capture that stopped after one shard, with what a killed process leaves behind.
void stop_after_one_shard(const std::filesystem::path& folder) {
  StoreWriter writer(folder, sample_info());
  append_rows(writer, 0, 4);
  writer.end_shard("4");
  append_rows(writer, 4, 2);
  put(folder / ".shard-00001.safetensors.1-1.tmp", "half a shard");
}

TEST(StoreHostile, StoppedCaptureIsContinuedAndCleanedUp) {
  const TemporaryFolder whole, pieces;
  write_sample(whole.path());
  stop_after_one_shard(pieces.path());
  StoreWriter writer(pieces.path(), sample_info());
  EXPECT_EQ(writer.cursor(), "4");
  append_rows(writer, 4, 2);
  writer.finish(sample_info(), kDocuments);
  EXPECT_EQ(pieces.entries(), whole.entries());
  for (const char* name : {"store.json", "shard-00001.safetensors", "mean.safetensors"})
    EXPECT_EQ(read_file(whole / name), read_file(pieces / name)) << name;
}

TEST(StoreHostile, WriterThatGotNothingLeavesNothing) {
  const TemporaryFolder folder;
  { const StoreWriter writer(folder / "a" / "b", sample_info()); }
  EXPECT_EQ(folder.entries(), 0u);
  put(folder / "file", "not a folder");
  expect_error(ErrorCode::kFailed, "file/b: Not a directory",
               [&] { const StoreWriter writer(folder / "file" / "b", sample_info()); });
}

TEST(StoreHostile, DamagedShardIsCapturedAgain) {
  const TemporaryFolder folder;
  stop_after_one_shard(folder.path());
  std::string bytes = read_file(folder / "shard-00000.safetensors");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  put(folder / "shard-00000.safetensors", bytes);
  StoreWriter writer(folder.path(), sample_info());
  EXPECT_EQ(writer.rows(), 0);
  EXPECT_EQ(writer.cursor(), "");
}

/// Continuing with whatever the folder holds ends in a store or in Error.
TEST(StoreHostile, SurvivesHostileProgress) {
  const TemporaryFolder folder;
  stop_after_one_shard(folder.path());
  const std::string progress = read_file(folder / "progress.json");
  const auto resume = [&] {
    std::filesystem::remove(folder / "store.json");
    try {
      StoreWriter writer(folder.path(), sample_info());
      append_rows(writer, 4, 2);
      writer.finish(sample_info(), kDocuments);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;  // other options
    }
  };
  test::survive_mutations(folder / "progress.json", progress, 300, resume);
  // A shard of another width whose checksum is right.
  const TemporaryFolder other;
  StoreInfo narrow = sample_info();
  narrow.dim = 2;
  StoreWriter writer(other.path(), narrow);
  writer.append(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, std::vector<RowLabel>(5));
  writer.end_shard("5");
  std::filesystem::copy_file(other / "shard-00000.safetensors", folder / "shard-00000.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  std::string lie = progress;
  const auto at = lie.find("\"sha256\"", lie.find("\"shards\""));
  lie.replace(lie.find(": \"", at) + 3, 64, sha256_file(folder / "shard-00000.safetensors"));
  put(folder / "progress.json", lie);
  expect_error(ErrorCode::kBadInput, "expected f32 [4, 3], found f32 [5, 2]", resume);
}

TEST(StoreHostile, FullDiskKeepsTheShardsThatAreThere) {
  const TemporaryFolder folder;
  {
    StoreWriter writer(folder.path(), sample_info());
    append_rows(writer, 0, 4);
    writer.end_shard("4");
    append_rows(writer, 4, 2000);
    const test::FileSizeLimit disk(8192);
    expect_error(ErrorCode::kFailed, "shard-00001.safetensors: File too large",
                 [&] { writer.end_shard("2004"); });
  }
  StoreWriter writer(folder.path(), sample_info());
  EXPECT_EQ(writer.rows(), 4);
  append_rows(writer, 4, 2);
  writer.finish(sample_info(), kDocuments);
  EXPECT_EQ(ActivationStore(folder.path()).rows(), 6);
}

TEST(StoreHostile, SaysWhyAFolderCannotBeMade) {
  const TemporaryFolder folder;
  put(folder / "file", "x");
  expect_error(ErrorCode::kFailed, "cannot make the folder",
               [&] { StoreWriter(folder / "file" / "store", sample_info()); });
  expect_error(ErrorCode::kBadInput, "is no activation store",
               [&] { ActivationStore(folder / "file" / "store"); });
}

}  // namespace
}  // namespace polysem
