#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "polysem/error.hpp"
#include "polysem/safetensors.hpp"
#include "polysem/store.hpp"
#include "polysem/superposed.hpp"

namespace fs = std::filesystem;
using polysem::ActivationStore;
using polysem::Safetensors;
using polysem::SuperposedConfig;

namespace {

class SuperposedStore : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("polysem_superposed_" + std::to_string(getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<float> rows_of(const ActivationStore& store) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(store.rows()));
  std::iota(ids.begin(), ids.end(), 0);
  std::vector<float> x(ids.size() * static_cast<std::size_t>(store.dim()));
  store.read(ids, x);
  return x;
}

TEST_F(SuperposedStore, TruthRebuildsEveryRow) {
  SuperposedConfig config;
  config.features = 40;
  config.dim = 8;
  config.active = 3;
  config.zipf = 0.4;
  constexpr std::int64_t kRows = 5000;
  polysem::write_superposed(config, kRows, folder_);

  const ActivationStore store(folder_);
  ASSERT_EQ(store.rows(), kRows);
  ASSERT_EQ(store.dim(), 8);
  EXPECT_TRUE(store.verify().empty());
  const std::vector<float> x = rows_of(store);

  const Safetensors truth(folder_ / "truth.safetensors");
  const std::int64_t shape[] = {40, 8};
  const std::vector<float> dictionary = truth.read_f32("dictionary", shape);
  const auto offsets = truth.read_i64("codes.row_offsets");
  const auto latents = truth.read_i32("codes.latents");
  const auto values = truth.read_f32("codes.values");
  ASSERT_EQ(offsets.size(), static_cast<std::size_t>(kRows + 1));
  EXPECT_EQ(offsets.back(), std::ssize(latents));
  EXPECT_NEAR(static_cast<double>(latents.size()) / kRows, 3, 0.15);
  EXPECT_EQ(truth.read_f32("probabilities").size(), 40u);
  for (std::int64_t row = 0; row < kRows; ++row) {
    std::vector<double> sum(8);
    for (auto i = offsets[row]; i < offsets[row + 1]; ++i) {
      for (int d = 0; d < 8; ++d) sum[d] += static_cast<double>(values[i]) * dictionary[8 * latents[i] + d];
    }
    for (int d = 0; d < 8; ++d) ASSERT_EQ(x[8 * row + d], static_cast<float>(sum[d])) << row;
  }
  const auto recipe = nlohmann::json::parse(store.info().recipe);
  EXPECT_EQ(recipe.at("generator"), "superposed");
  EXPECT_EQ(recipe.at("features"), 40);
}

TEST_F(SuperposedStore, FewerRowsAreABeginningOfMore) {
  SuperposedConfig config;
  config.noise = 0.1F;
  polysem::write_superposed(config, 100, folder_ / "a");
  polysem::write_superposed(config, 100, folder_ / "b");
  polysem::write_superposed(config, 30, folder_ / "c");
  EXPECT_EQ(bytes_of(folder_ / "a/truth.safetensors"), bytes_of(folder_ / "b/truth.safetensors"));
  EXPECT_EQ(bytes_of(folder_ / "a/store.json"), bytes_of(folder_ / "b/store.json"));
  std::vector<float> all = rows_of(ActivationStore(folder_ / "a"));
  const std::vector<float> some = rows_of(ActivationStore(folder_ / "c"));
  all.resize(some.size());
  EXPECT_EQ(all, some);
}

TEST_F(SuperposedStore, RefusesAFolderThatHoldsAStore) {
  polysem::write_superposed({}, 10, folder_);
  const std::string before = bytes_of(folder_ / "truth.safetensors");
  EXPECT_THROW(polysem::write_superposed({}, 20, folder_), polysem::Error);
  EXPECT_EQ(bytes_of(folder_ / "truth.safetensors"), before);
  EXPECT_THROW(polysem::write_superposed({}, 0, folder_ / "new"), polysem::Error);
}

}  // namespace
