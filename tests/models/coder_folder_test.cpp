#include "polysem/coder_folder.hpp"

#include <gtest/gtest.h>

#include "polysem/coder_file.hpp"
#include "polysem/error.hpp"
#include "polysem/recipe.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::TemporaryFolder;

CoderConfig config_of(const std::string& recipe) {
  return {.recipe = recipe, .d_in = 2, .d_out = 2, .latents = 3, .k = 2};
}

CoderWeights weights_of(const std::string& recipe) {
  CoderWeights weights{{1, 2, 3, 4, 5, 6}, {1, 0, 0, 1, 0.6f, 0.8f}, {7, 8, 9}, {10, 11}, {}};
  if (find_recipe(recipe).needs_threshold()) weights.threshold = {0.5f, 0, 2};
  return weights;
}

TEST(CoderFolder, KeepsRecipeWeightsAndThresholds) {
  for (const Recipe* recipe : recipes()) {
    SCOPED_TRACE(recipe->name);
    const TemporaryFolder folder;
    const std::string name(recipe->name);
    save_coder(folder.path(), config_of(name), weights_of(name), {"model", "site", "text", 16});
    const LoadedCoder found = load_coder(folder.path());
    const CoderWeights expected = weights_of(name);
    EXPECT_EQ(found.config.recipe, name);
    EXPECT_EQ(found.config.k, name == "topk" ? 2 : 0);
    EXPECT_EQ(found.weights.w_enc, expected.w_enc);
    EXPECT_EQ(found.weights.w_dec, expected.w_dec);
    EXPECT_EQ(found.weights.b_enc, expected.b_enc);
    EXPECT_EQ(found.weights.b_dec, expected.b_dec);
    EXPECT_EQ(found.weights.threshold, expected.threshold);
    const auto backend = open_backend("reference");
    Executor executor(*backend);
    SparseCoder coder(executor, found.config, found.weights, 1);
    const Array x = executor.make_from(1, 2, std::vector<float>{10, 12}), y = executor.make(1, 2);
    EXPECT_NO_THROW(coder.reconstruct(x, y));
  }
}

CoderFile tiny_file(const std::string& architecture) {
  CoderFile file;
  file.architecture = architecture;
  file.d_in = file.d_out = 1, file.d_sae = 2;
  file.w_enc = {1, 2}, file.w_dec = {1, 1}, file.b_enc = {0, 0}, file.b_dec = {0};
  return file;
}

// Written by others: the recipe goes by the architecture.
TEST(CoderFolder, TakesTheRecipeOfTheArchitecture) {
  const std::pair<const char*, const char*> kExpected[] = {
      {"topk", "topk"}, {"jumprelu", "jumprelu"}, {"standard", "relu_l1"}};
  for (const auto& [architecture, recipe] : kExpected) {
    const TemporaryFolder folder;
    CoderFile file = tiny_file(architecture);
    if (file.architecture == "topk") file.k = 1;
    if (file.architecture == "jumprelu") file.threshold = {1, 2};
    for (const char* named : {"", "unheard_of", "gated"}) {
      file.recipe = named;
      write_coder_file(folder.path(), file);
      EXPECT_EQ(load_coder(folder.path()).config.recipe, recipe) << named;
    }
  }
}

TEST(CoderFolder, RefusesWhatItCannotRun) {
  const TemporaryFolder folder;
  CoderFile file = tiny_file("jumprelu");
  write_coder_file(folder.path(), file);
  test::expect_error(ErrorCode::kBadInput, "'threshold' is missing", [&] { load_coder(folder.path()); });
  file.architecture = "gated";
  write_coder_file(folder.path(), file);
  test::expect_error(ErrorCode::kBadInput, "reads jumprelu, standard, topk",
                     [&] { load_coder(folder.path()); });
  file.architecture = "topk";
  write_coder_file(folder.path(), file);
  test::expect_error(ErrorCode::kBadInput, "k must be at least 1", [&] { load_coder(folder.path()); });
}

}  // namespace
}  // namespace polysem
