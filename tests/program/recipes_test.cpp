// Recipes as a user of the program meets them.
#include <gtest/gtest.h>

#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

using nlohmann::json;

class RecipeCommands : public Program {};

// Every recipe from training to report, with the folder read back as what it is.
TEST_F(RecipeCommands, EveryRecipeGoesAllTheWay) {
  make_and_train();
  const std::pair<const char*, const char*> kRecipes[] = {{"batch_topk", "--k 2"},
                                                          {"jumprelu", "--target-l0 2 --bandwidth 1"},
                                                          {"relu_l1", "--l1-coefficient 1"}};
  for (const auto& [recipe, options] : kRecipes) {
    const std::string name(recipe);
    const Outcome o = run("train --recipe " + name + " " + options +
                          " --data store --latents 64 --batch 128 --steps 300 --quiet --out " + name +
                          " --json " + name + ".json");
    ASSERT_EQ(o.code, 0) << o.errors;
    const std::string architecture = name == "relu_l1" ? "standard" : "jumprelu";
    EXPECT_EQ(read_json((name + "/cfg.json").c_str())["architecture"], architecture);
    ASSERT_EQ(run("eval " + name + " --data store --json eval.json --quiet").code, 0);
    const json eval = read_json("eval.json");
    EXPECT_EQ(eval["coder"]["recipe"], name);
    EXPECT_LT(eval["metrics"]["reconstruction_quality"]["fvu"].get<double>(), 0.6) << name;
    const double l0 = eval["metrics"]["sparsity"]["l0"];
    EXPECT_GT(l0, 0.5) << name;
    if (architecture == "jumprelu") {
      EXPECT_LT(l0, 4) << name;
    }
    EXPECT_EQ(run("encode " + name + " --data store --out codes.safetensors --quiet").code, 0);
    ASSERT_EQ(run("info " + name + " --json info.json").code, 0);
    EXPECT_EQ(read_json("info.json")["recipe"], name);
    EXPECT_EQ(run("report " + name + " --data store --out page.html --quiet").code, 0);
    ASSERT_EQ(run("train --config " + name + ".json --out again-" + name + " --quiet").code, 0);
    EXPECT_EQ(read_text(folder_ / name / "sae_weights.safetensors"),
              read_text(folder_ / ("again-" + name) / "sae_weights.safetensors"));
    const std::string metrics = read_text(folder_ / name / "metrics.jsonl");
    EXPECT_NE(metrics.find(name == "relu_l1" ? "\"codes\":\"dense\"" : "\"codes\":\"sparse\""),
              std::string::npos)
        << metrics;
  }
}

TEST_F(RecipeCommands, OptionsOfOtherRecipesAreRefused) {
  ASSERT_EQ(run("data make superposed --rows 200 --dim 8 --features 16 --out s --quiet").code, 0);
  const std::string train = "train --data s --latents 16 --out c --recipe ";
  expect_failure(train + "jumprelu --k 4", 2,
                 "--k: recipe jumprelu has no use for it; it is for topk, batch_topk");
  expect_failure(train + "topk --target-l0 4", 2, "it is for jumprelu, relu_l1");
  expect_failure(train + "relu_l1 --bandwidth 1", 2, "it is for jumprelu");
  expect_failure(train + "relu_l1 --decoder none", 2, "--decoder unit_norm");
  expect_failure(train + "jumprelu --decoder norm_aware", 2, "--decoder unit_norm or none");
  expect_failure(train + "jumprelu --target-l0 17", 2, "--target-l0");
  expect_failure(train + "jumprel", 2, "there are: topk, batch_topk, jumprelu, relu_l1");
}

}  // namespace
}  // namespace polysem
