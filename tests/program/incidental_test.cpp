#include "polysem/safetensors.hpp"
#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

using Incidental = Program;
using SlowIncidental = Program;

constexpr const char* kSmall =
    "incidental collisions --features 8 --neurons 16,32 --instances 4 --steps 2000 --quiet ";

TEST_F(Incidental, CollisionsLeaveResultWeightsAndFigure) {
  const Outcome o = run(std::string(kSmall) + "--out c --json c.json");
  ASSERT_EQ(o.code, 0) << o.errors;
  const auto result = read_json("c/result.json");
  EXPECT_EQ(result, read_json("c.json"));
  EXPECT_EQ(result["schema"], "polysem.incidental/1");
  EXPECT_EQ(result["experiment"], "collisions");
  EXPECT_EQ(result["instances"].size(), 8u);
  EXPECT_EQ(result["points"][1]["neurons"], 32);
  EXPECT_EQ(result["points"][1]["same_sign"]["mean"], 0);
  // 32 (1 - 2 (1 - 1/64)^8 + (1 - 1/32)^8) by hand.
  EXPECT_NEAR(result["points"][1]["expected"].get<double>(), .3983, 2e-4);
  const Safetensors weights(folder_ / "c" / "weights.safetensors");
  EXPECT_EQ(weights.tensor("W.m32").shape, (std::vector<std::int64_t>{4, 8, 32}));
  EXPECT_NE(read_text(folder_ / "c" / "figure.svg").find("expected by chance"), std::string::npos);
}

TEST_F(Incidental, SameBitsForAnyThreads) {
  ASSERT_EQ(run(std::string(kSmall) + "--threads 1 --out one").code, 0);
  ASSERT_EQ(run(std::string(kSmall) + "--threads 4 --out four").code, 0);
  for (const char* file : {"weights.safetensors", "figure.svg"})
    EXPECT_EQ(read_text(folder_ / "one" / file), read_text(folder_ / "four" / file)) << file;
}

TEST_F(Incidental, OneSeedIsNotJudged) {
  const Outcome o =
      run("incidental collisions --features 8 --neurons 16 --instances 1 --steps 20 --quiet --json one.json");
  ASSERT_EQ(o.code, 0) << o.errors;
  EXPECT_EQ(o.output.find("+-"), std::string::npos) << o.output;
  EXPECT_EQ(o.output.find("within"), std::string::npos) << o.output;
  const auto point = read_json("one.json")["points"][0];
  EXPECT_TRUE(point["as_expected"].is_null());
  EXPECT_TRUE(point["polysemantic"]["standard_error"].is_null());
}

TEST_F(Incidental, DivergenceIsMarked) {
  const Outcome o = run(std::string(kSmall) + "--optimizer sgd --lr 100 --out d");
  ASSERT_EQ(o.code, 0) << o.errors;
  EXPECT_NE(o.output.find("diverged"), std::string::npos);
  const std::string svg = read_text(folder_ / "d" / "figure.svg"),
                    result = read_text(folder_ / "d" / "result.json");
  EXPECT_NE(svg.find(">diverged<"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_TRUE(read_json("d/result.json")["points"][0]["polysemantic"].is_null());
}

TEST_F(Incidental, BadNumbers) {
  expect_failure("incidental collisions --quick --features 0", 2, "--features");
  expect_failure("incidental collisions --quick --instances 0", 2, "--instances");
  expect_failure("incidental collisions --quick --lr 0", 2, "--lr");
  expect_failure("incidental collisions --features 8 --neurons 4", 2, "share neurons because they must");
  expect_failure("incidental collisions --neurons 300.5", 2, "whole numbers");
  expect_failure("incidental noise --quick --sd -1", 2, "--sd");
  expect_failure("incidental sparsity --quick --lambda 0", 2, "--lambda");
  expect_failure("incidental tradeoff --features 4 --neurons 8 --instances 1 --steps 2 --images nowhere", 3,
                 "apt-get install dataset-fashion-mnist");
  expect_failure("incidental colisions", 2, "did you mean 'collisions'");
}

TEST_F(Incidental, SmallVersionsOfTheOthers) {
  ASSERT_EQ(
      run("incidental sparsity --neurons 1000 --lambda 1e-3 --time 2000 --instances 2 --out s --quiet").code,
      0);
  EXPECT_EQ(read_json("s/result.json")["points"].size(), 23u);
  ASSERT_EQ(run("incidental noise --instances 1 --steps 300 --out n --quiet").code, 0);
  EXPECT_EQ(read_json("n/result.json")["groups"].size(), 6u);
  const std::string small = " --features 6 --neurons 12 --instances 2 --steps 200 --quiet --out ";
  ASSERT_EQ(run("incidental regularization" + small + "r").code, 0);
  EXPECT_EQ(read_json("r/result.json")["points"].size(), 4u);
  ASSERT_EQ(run("incidental initialization --sgd-steps 200" + small + "i").code, 0);
  EXPECT_EQ(read_json("i/result.json")["points"].size(), 5u);
}

// Reads Fashion-MNIST where it is installed.
TEST_F(SlowIncidental, SmallTradeoff) {
  const std::string small = " --features 6 --neurons 12 --instances 2 --steps 200 --quiet --out ";
  ASSERT_EQ(run("incidental tradeoff --image-steps 1 --image-seeds 1 --hidden 4" + small + "t").code, 0);
  EXPECT_EQ(read_json("t/result.json")["points"].size(), 21u);
  const auto result = read_json("t/result.json");
  EXPECT_NE(result.contains("classifier"), result.contains("notes"));
}

TEST_F(Incidental, CompositionOfASmallWorld) {
  const Outcome o =
      run("toy composition --colours 3 --shapes 4 --held-out 1 --hidden 8 --steps 50 --instances 2 "
          "--dictionaries 2 "
          "--dictionary-steps 20 --sweep-seeds 1 --out c --quiet");
  ASSERT_EQ(o.code, 0) << o.errors;
  const auto result = read_json("c/result.json");
  EXPECT_EQ(result["schema"], "polysem.toy/1");
  EXPECT_EQ(result["points"].size(), 9u);
  EXPECT_EQ(result["over_width"].size(), 30u);
  EXPECT_EQ(result["composed"].size(), 18u);
  EXPECT_FALSE(result["points"][0].contains("band_r2_held_out"));  // known for the default world alone
  expect_failure("toy composition --quick --held-out 9", 2, "diagonal");
  expect_failure("toy composition --quick --colours 1", 2, "--colours");
}

}  // namespace
}  // namespace polysem
