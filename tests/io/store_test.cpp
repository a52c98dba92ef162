#include "polysem/store.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "polysem/error.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::TemporaryFolder;

StoreInfo small_info(DType dtype = DType::kF32) {
  return {.dim = 3,
          .dtype = dtype,
          .site = "blocks.1.hook_resid_post",
          .model_name = "tiny",
          .model_sha256 = "00",
          .text_sources = {"a.txt"},
          .text_sha256 = "11",
          .context = 8,
          .dropped_first = 2,
          .dropped_massive = 1,
          .massive_limit = 12.5,
          .recipe = R"({"command":"capture"})"};
}

std::vector<float> rows_from(int first, int count) {
  std::vector<float> rows;
  for (int r = first; r < first + count; ++r)
    for (int d = 0; d < 3; ++d) rows.push_back(static_cast<float>(r) + 0.25f * static_cast<float>(d));
  return rows;
}

std::vector<RowLabel> labels_from(int first, int count) {
  std::vector<RowLabel> labels;
  for (int r = first; r < first + count; ++r) labels.push_back({100 + r, r % 8, r % 2});
  return labels;
}

const std::vector<StoreDocument> kDocuments = {{"one", "a.txt", "prose"}, {"two", "a.txt", "verse"}};

void write_small(const std::filesystem::path& folder, DType dtype = DType::kF32) {
  StoreWriter writer(folder, small_info(dtype));
  writer.append(rows_from(0, 4), labels_from(0, 4));
  writer.end_shard("4");
  writer.append(rows_from(4, 3), labels_from(4, 3));
  writer.finish(small_info(dtype), kDocuments);
}

class StoreRoundTrip : public testing::TestWithParam<DType> {};

// The values are multiples of 1/4 below 8: exact in all three types.
TEST_P(StoreRoundTrip, KeepsRowsLabelsAndDescription) {
  const TemporaryFolder folder;
  write_small(folder.path(), GetParam());
  const ActivationStore store(folder.path());
  EXPECT_EQ(store.rows(), 7);
  EXPECT_EQ(store.shards(), 2u);
  EXPECT_EQ(store.info().site, "blocks.1.hook_resid_post");
  EXPECT_EQ(store.info().dropped_massive, 1);
  EXPECT_EQ(store.info().massive_limit, 12.5);
  EXPECT_EQ(store.documents().at(1).label, "verse");
  const std::vector<std::int64_t> ids = {6, 0, 4};
  std::vector<float> rows(9);
  store.read(ids, rows);
  EXPECT_EQ(rows, (std::vector<float>{6, 6.25f, 6.5f, 0, 0.25f, 0.5f, 4, 4.25f, 4.5f}));
  std::vector<RowLabel> labels(3);
  store.read_labels(3, labels);
  EXPECT_EQ(labels[1].token, 104);
  EXPECT_EQ(labels[1].position, 4);
  EXPECT_EQ(labels[2].document, 1);
  // mean row = (3, 3.25, 3.5); mean |x - mean|^2 = 3 times the variance of 0..6, which is 4.
  EXPECT_FLOAT_EQ(store.stats().mean[2], 3.5f);
  EXPECT_NEAR(store.stats().variance, 12.0, 1e-9);
  EXPECT_TRUE(store.verify().empty());
}

INSTANTIATE_TEST_SUITE_P(Types, StoreRoundTrip, testing::Values(DType::kF32, DType::kF16, DType::kBF16),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(Store, StoppedWriterIsContinued) {
  const TemporaryFolder whole, pieces;
  write_small(whole.path());
  {
    StoreWriter writer(pieces.path(), small_info());
    writer.append(rows_from(0, 4), labels_from(0, 4));
    writer.end_shard("4");
    writer.append(rows_from(4, 2), labels_from(4, 2));  // lost: no shard ended
  }
  expect_error(ErrorCode::kBadInput, "not finished", [&] { ActivationStore store(pieces.path()); });
  StoreInfo other = small_info();
  other.site = "blocks.2.hook_resid_post";
  expect_error(ErrorCode::kInvalidArgument, "other options",
               [&] { StoreWriter writer(pieces.path(), other); });
  StoreWriter writer(pieces.path(), small_info());
  EXPECT_EQ(writer.rows(), 4);
  EXPECT_EQ(writer.cursor(), "4");
  writer.append(rows_from(4, 3), labels_from(4, 3));
  writer.finish(small_info(), kDocuments);
  EXPECT_EQ(ActivationStore(pieces.path()).identity(), ActivationStore(whole.path()).identity());
  expect_error(ErrorCode::kInvalidArgument, "finished store",
               [&] { StoreWriter again(pieces.path(), small_info()); });
}

TEST(Store, ChangedShardIsFound) {
  const TemporaryFolder folder;
  write_small(folder.path());
  std::fstream file(folder.path() / "shard-00001.safetensors",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put(static_cast<char>(0x55));
  file.close();
  EXPECT_EQ(ActivationStore(folder.path()).verify(), std::vector<std::string>{"shard-00001.safetensors"});
}

TEST(Store, DamagedFilesAreRefusedWithTheirNames) {
  const auto broken = [](const char* file, const std::string& from, const std::string& to,
                         const std::string& part) {
    const TemporaryFolder folder;
    write_small(folder.path());
    std::string text = read_file(folder.path() / file);
    const auto place = text.find(from);
    ASSERT_NE(place, std::string::npos) << from;
    text.replace(place, from.size(), to);
    write_file_atomic(folder.path() / file, text);
    expect_error(ErrorCode::kBadInput, part, [&] {
      const ActivationStore store(folder.path());
      std::vector<RowLabel> labels(7);
      store.read_labels(0, labels);
    });
  };
  broken("store.json", "\"rows\": 7", "\"rows\": 8", "store.json");
  broken("store.json", "\"rows\": 3", "\"rows\": 2", "shard-00001");
  broken("store.json", "\"dim\": 3", "\"dim\": 4", "shard-00000");
  broken("store.json", "\"dim\": 3", "\"dim\": -3", "dim");
  broken("store.json", "shard-00000.safetensors", "../../etc/passwd", "plain file name");
  broken("store.json", "\"f32\"", "\"f64\"", "dtype");
  broken("store.json", "polysem.store/1", "polysem.store/9", "schema");
  broken("documents.json", "\"verse\"", "7", "documents.json");
}

TEST(Store, RefusesRowsThatAreNotFinite) {
  const TemporaryFolder folder;
  StoreWriter writer(folder.path(), small_info());
  std::vector<float> rows = rows_from(0, 2);
  rows[4] = std::nanf("");
  expect_error(ErrorCode::kBadInput, "row 1, dimension 1", [&] { writer.append(rows, labels_from(0, 2)); });
}

TEST(Store, RefusesRowsOutOfRange) {
  const TemporaryFolder folder;
  write_small(folder.path());
  const ActivationStore store(folder.path());
  std::vector<float> row(3);
  for (const std::int64_t id : {std::int64_t{-1}, std::int64_t{7}})
    EXPECT_THROW(store.read(std::span(&id, 1), row), Error);
}

}  // namespace
}  // namespace polysem
