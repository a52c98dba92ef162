// polysem toy: published experiments, from the command line.
#include <algorithm>

#include "polysem/safetensors.hpp"
#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

class Toy : public Program {
 protected:
  nlohmann::json result_of(const std::string& arguments) const {
    const Outcome o = run("toy " + arguments + " --out out --quiet");
    EXPECT_EQ(o.code, 0) << arguments << "\n" << o.errors;
    return o.code == 0 ? read_json("out/result.json") : nlohmann::json();
  }
};
using SlowToy = Toy;

TEST_F(Toy, ListsItsExperimentsAndTheirOptions) {
  const Outcome list = run("toy"), help = run("toy superposition --help"),
                other = run("help toy superposition");
  EXPECT_EQ(list.code, 0);
  EXPECT_NE(list.output.find("superposition"), std::string::npos);
  EXPECT_EQ(help.output, other.output);
  EXPECT_NE(help.output.find("--density P"), std::string::npos);
  expect_failure("toy superpositon", 2, "did you mean 'superposition'");
}

TEST_F(Toy, NumbersThatMakeNoSenseAreRefusedByName) {
  const std::string base = "toy superposition --steps 1 ";
  for (const char* density : {"0", "-0.5", "1.5", "nan", "many", "0.1,0"})
    expect_failure(base + "--density " + density, 2, "--density");
  expect_failure(base + "--dims 6 --features 5", 2, "--dims");
  expect_failure(base + "--instances 0", 2, "--instances");
  expect_failure(base + "--batch 0", 2, "--batch");
  expect_failure(base + "--lr -1", 2, "--lr");
  expect_failure(base + "--correlation correlated --set-size 2", 2, "--set-size");
  expect_failure(base + "--features 4 --correlation anticorrelated --density-of feature --density 0.7", 2,
                 "--density");
  expect_failure(base + "--importance 1e6 --features 100", 2, "--importance");
  expect_failure(base + "stray", 2, "stray");
  expect_failure(base + "--out ''", 2, "--out");
  // Not passed over: a result would claim it.
  for (const char* name : {"toy superposition", "toy gallery", "incidental noise"})
    expect_failure(std::string(name) + " --precision bf16", 2, "--precision");
  expect_failure("toy phase --features 2.5", 2, "whole numbers");
  expect_failure("toy composition --held-out .5", 2, "whole numbers");
}

// A tensor has one name: a run that ended with this was lost.
TEST_F(Toy, ANumberGivenTwiceCountsOnce) {
  const auto result = result_of("phase --features 2,2 --quick --steps 2 --grid 2");
  EXPECT_EQ(result["diagrams"].size(), 1u);
}

TEST_F(Toy, SuperpositionWritesResultWeightsAndFigure) {
  const auto result =
      result_of("superposition --quick --steps 60 --instances 3 --density 0.5,0.05 --restarts 2");
  EXPECT_EQ(result["schema"], "polysem.toy/1");
  EXPECT_EQ(result["experiment"], "superposition");
  EXPECT_EQ(result["config"]["options"]["steps"], "60");
  ASSERT_EQ(result["instances"].size(), 6u);
  for (const auto& instance : result["instances"]) {
    EXPECT_GT(instance["loss"], 0);
    EXPECT_FALSE(instance.contains("loss_standard_error"));
    for (const char* key : {"norms", "bias", "dimensionality"}) EXPECT_EQ(instance[key].size(), 5u) << key;
    EXPECT_TRUE(instance["geometry"].is_string());
    EXPECT_TRUE(instance["represented"].is_number_integer());
  }
  EXPECT_EQ(result["instances"][5]["density"], 0.05);
  const Safetensors weights(folder_ / "out/weights.safetensors");
  EXPECT_EQ(weights.tensor("W").shape, (std::vector<std::int64_t>{6, 2, 5}));
  EXPECT_EQ(weights.tensor("b").shape, (std::vector<std::int64_t>{6, 5}));
  const std::string figure = read_text(folder_ / "out/figure.svg");
  EXPECT_EQ(figure.find("nan"), std::string::npos);
  EXPECT_NE(figure.find("<svg"), std::string::npos);
  // The configuration in the result makes the same result.
  const Outcome again = run("toy superposition --config out/result.json --out again --quiet");
  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_EQ(read_json("again/result.json")["instances"], result["instances"]);
  EXPECT_EQ(read_text(folder_ / "again/weights.safetensors"), read_text(folder_ / "out/weights.safetensors"));
}

TEST_F(Toy, ALearningRateThatDivergesIsMarked) {
  const auto result =
      result_of("superposition --optimizer sgd --lr 1e5 --steps 50 --instances 2 --density 1");
  for (const auto& instance : result["instances"]) {
    EXPECT_TRUE(instance["diverged"]);
    EXPECT_TRUE(instance["loss"].is_null());
  }
  const std::string figure = read_text(folder_ / "out/figure.svg");
  EXPECT_EQ(figure.find("nan"), std::string::npos);
  EXPECT_NE(figure.find("diverged"), std::string::npos);
}

// No experiment draws or writes a number that is none.
TEST_F(Toy, EveryExperimentSurvivesDivergence) {
  for (const char* experiment : {"phase --grid 2 --restarts 1", "geometry",
                                 "thomson --points-to 5 --starts 1", "correlation --restarts 1", "dynamics",
                                 "computation", "privileged --instances 1", "adversarial", "memorization"}) {
    std::filesystem::remove_all(folder_ / "out");
    const std::string batch = std::string(experiment) == "memorization" ? "" : " --batch 32";
    const auto result =
        result_of(std::string(experiment) + " --quick --optimizer sgd --lr 1e6 --steps 30" + batch);
    bool diverged = false;
    for (const auto& instance : result["instances"]) diverged = diverged || instance["diverged"].get<bool>();
    EXPECT_TRUE(diverged) << experiment;
    const std::string figure = read_text(folder_ / "out/figure.svg");
    EXPECT_NE(figure.find("<svg"), std::string::npos) << experiment;
    EXPECT_EQ(figure.find("nan"), std::string::npos) << experiment;
    EXPECT_EQ(figure.find("inf\""), std::string::npos) << experiment;
  }
}

// At a density of 0.05 both branches cost the same at a ratio of 0.2691, by exact quadrature in another
// program.
TEST_F(Toy, ThePentagonGivesWayToDigons) {
  const auto result = result_of("deform --quick --points 7 --ratio-from 0.2 --ratio-to 1");
  EXPECT_NEAR(result["crossing"], 0.2691, 3e-4);
  ASSERT_EQ(result["instances"].size(), 14u);
  EXPECT_EQ(result["instances"][6]["geometry"], "pentagon");
  EXPECT_EQ(result["instances"][13]["geometry"], "2 digons");
  // A sparser feature gets less room: 69 degrees instead of 72 at half the density.
  EXPECT_LT(result["instances"][3]["gaps_degrees"][0], 70);
  expect_failure("toy deform --density 0.5 --ratio-to 4", 2, "--ratio-to");
  expect_failure("toy deform --ratio-from 2 --ratio-to 1", 2, "--ratio-from");
}

// Least energies known, in feature_geometry.hpp.
TEST_F(Toy, PointsOnASphereReachTheKnownEnergies) {
  const auto result = result_of("thomson --quick --steps 20 --instances 1");
  ASSERT_EQ(result["energies"].size(), 11u);
  for (const auto& row : result["energies"]) EXPECT_NEAR(row["energy"], row["minimum"], 2e-6) << row;
}

TEST_F(Toy, GalleryCollectsExperimentsOnOnePage) {
  const Outcome o = run("toy gallery --only toy-deform --seed 7 --out page --quiet --json made.json");
  ASSERT_EQ(o.code, 0) << o.errors;
  const std::string page = read_text(folder_ / "page/index.html");
  EXPECT_NE(page.find("id=\"toy-deform\""), std::string::npos);
  EXPECT_NE(page.find("polysem toy deform --seed 7 --out"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_EQ(read_json("page/toy-deform/result.json")["schema"], "polysem.toy/1");
  EXPECT_EQ(read_json("made.json")["experiments"].size(), 1u);
  expect_failure("toy gallery --only toy-nothing", 2, "toy-superposition");
  // Where a later experiment ends the run, the page of those before it stays.
  std::filesystem::create_directory(folder_ / "part");
  std::ofstream(folder_ / "part/incidental-sparsity") << "in the way";
  EXPECT_NE(run("toy gallery --only toy-deform,incidental-sparsity --out part --quiet").code, 0);
  EXPECT_NE(read_text(folder_ / "part/index.html").find("toy-deform/result.json"), std::string::npos);
}

TEST_F(Toy, MemorizationAndAttacksRefuseWhatMakesNoSense) {
  for (const char* samples : {"0", "2.5", "-3", "some", "3,0"})
    expect_failure(std::string("toy memorization --steps 1 --samples ") + samples, 2, "--samples");
  expect_failure("toy memorization --features 100000 --samples 1e6", 2, "--samples");
  expect_failure("toy memorization --density 0", 2, "--density");
  expect_failure("toy memorization --instances 0", 2, "--instances");
  expect_failure("toy memorization --test-samples 1", 2, "--test-samples");
  expect_failure("toy memorization --warmup 20 --steps 10", 2, "--warmup");
  expect_failure("toy memorization --batch 7", 2, "--batch");  // every step takes all samples
  for (const char* option : {"--attack", "--samples", "--steps"})
    expect_failure(std::string("toy adversarial ") + option + " 0", 2, option);
  expect_failure("toy adversarial --density-from 0.1 --density-to 0.2", 2, "--density-to");
  expect_failure("toy adversarial --dims 200", 2, "--dims");
}

// Wrong numbers end every experiment before its work, also those that this run would not use.
TEST_F(Toy, OptionsAreLookedAtFirst) {
  for (const char* wrong :
       {"toy superposition --set-size", "toy superposition --density-of", "toy deform --seed",
        "toy adversarial --attack-steps", "toy composition --sweep-seeds", "incidental tradeoff --hidden",
        "incidental tradeoff --image-seeds"}) {
    const std::string words = wrong;
    expect_failure(words + " none", 2, words.substr(words.rfind("--")));
  }
}

// Small runs of every experiment that trains: the same bits for any number of threads and from the
// configuration in the result, the keys that all results have, and nothing but numbers in the figure.
TEST_F(Toy, EveryExperimentCanBeRepeated) {
  const std::string tiny = " --steps 12 --quiet";
  for (const std::string experiment :
       {"superposition --instances 2 --density 0.3", "phase --grid 3 --restarts 2 --features 2",
        "geometry --features 12 --dims 3 --points 2 --samples 50",
        "thomson --points-to 4 --starts 2 --instances 2", "correlation --instances 2 --density 0.1",
        "dynamics --instances 2 --looks 4 --samples 50",
        "computation --features 6 --neurons 4 --instances 2 --density 1,0.1 --samples 50",
        "privileged --features 6 --dims 3 --instances 2 --density 1,0.1 --samples 50",
        "adversarial --features 8 --dims 3 --points 2 --samples 20",
        "memorization --features 30 --density 0.1 --samples 3,7 --instances 2 --test-samples 20"}) {
    const auto one = result_of(experiment + tiny + " --threads 1");
    const Outcome again = run("toy " + experiment.substr(0, experiment.find(' ')) +
                              " --config out/result.json --threads 3 --out again --quiet");
    ASSERT_EQ(again.code, 0) << experiment << "\n" << again.errors;
    EXPECT_EQ(read_json("again/result.json")["instances"], one["instances"]) << experiment;
    for (const char* file : {"/weights.safetensors", "/figure.svg"}) {
      const std::string bytes = read_text(folder_ / ("out" + std::string(file)));
      EXPECT_GT(bytes.size(), 100u) << experiment << file;
      EXPECT_EQ(read_text(folder_ / ("again" + std::string(file))), bytes) << experiment << file;
    }
    ASSERT_FALSE(one["instances"].empty()) << experiment;
    for (const auto& instance : one["instances"]) {
      for (const char* key : {"loss", "norms", "bias", "dimensionality", "represented", "density"})
        EXPECT_TRUE(instance.contains(key)) << experiment << ' ' << key;
    }
    std::filesystem::remove_all(folder_ / "out");
  }
}

// Away from boundaries the best of some trained models is in the phase of the exact optimum.
TEST_F(SlowToy, TrainedPhasesAreTheExactOnes) {
  const auto result = result_of("phase --quick --grid 10");
  for (const auto& diagram : result["diagrams"]) {
    EXPECT_GE(diagram["agreement"], 0.97) << diagram["features"];
    EXPECT_GT(diagram["cells_compared"], 50);
  }
}

// Sticky one half (Elhage et al. 2022), in a small model: more than 30 % of the features at some density.
TEST_F(SlowToy, DimensionalitiesStickAtOneHalf) {
  const auto result = result_of("geometry --quick --density-from 0.5 --density-to 0.2 --points 5");
  double most = 0;
  for (const auto& instance : result["instances"]) {
    most = std::max(most, instance["near"]["1/2"].get<double>());
    EXPECT_LE(instance["capacity"], 8 + 1e-6);
  }
  EXPECT_GT(most, 0.3);
}

// Pairs that are active together are never opposite, pairs of which one is active at a time always are
// (Elhage et al. 2022, correlated features).
TEST_F(SlowToy, CorrelatedPairsAreNotOppositeAndAnticorrelatedOnesAre) {
  const auto result = result_of("correlation --quick --density 0.05");
  int seen = 0;
  for (const auto& instance : result["instances"]) {
    const auto& cosine = instance["cosine_within_sets"];
    if (instance["kind"] == "independent") continue;
    ++seen;
    if (instance["kind"] == "correlated") {
      EXPECT_GE(cosine["least"], -0.1);
    } else {
      EXPECT_LE(cosine["largest"], -0.9);
    }
  }
  EXPECT_EQ(seen, 6);
}

// The loss drops where dimensionalities change, in a small part of the run.
TEST_F(SlowToy, TheLossDropsInTransitions) {
  const auto result = result_of("dynamics --quick");
  for (const auto& instance : result["instances"]) {
    EXPECT_GE(instance["transitions"], 1);
    EXPECT_GE(instance["decrease_in_transitions"], 0.8);
    EXPECT_LE(instance["time_in_transitions"], 0.3);
    EXPECT_EQ(instance["history"]["dimensionality"][0].size(), 6u);
  }
}

// Dense numbers have neurons of their own, sparse ones share them (Elhage et al. 2022, computation in
// superposition).
TEST_F(SlowToy, NeuronsBecomePolysemanticWithSparsity) {
  const auto computed = result_of("computation --quick")["instances"];
  EXPECT_LE(computed[0]["neurons"]["polysemantic"], 3);
  EXPECT_GE(computed[2]["neurons"]["polysemantic"], 9);
  const auto stored = result_of("privileged --quick --density 1,0.01 --instances 40")["instances"];
  EXPECT_GE(stored[0]["neurons"]["monosemantic"], 3);
  EXPECT_EQ(stored[1]["neurons"]["monosemantic"], 0);
}

// Vulnerability to attacks is proportional to features per dimension (Elhage et al. 2022): 1 without
// superposition.
TEST_F(SlowToy, VulnerabilityGrowsWithFeaturesPerDimension) {
  const auto result = result_of("adversarial --quick --points 5");
  EXPECT_GE(result["correlation"], 0.9);
  EXPECT_NEAR(result["instances"][0]["attack"]["vulnerability"], 1, 0.1);
  EXPECT_GT(result["instances"][4]["attack"]["vulnerability"], 3);
}

// Few samples are stored, on a regular polygon (dimensionality 2 / T); many teach features, which then get
// the dimensions; loss on fresh samples is worst in between (Henighan et al. 2023).
TEST_F(SlowToy, TestLossIsWorstBetweenMemoryAndFeatures) {
  const auto result = result_of("memorization --quick");
  EXPECT_TRUE(result["worst_is_inside"]);
  EXPECT_GT(result["worst_samples"], 10);
  const auto& curve = result["curve"];
  ASSERT_EQ(curve[1]["samples"], 5);
  for (const auto& d : curve[1]["sample_dimensionality"]) EXPECT_NEAR(5 * d.get<double>(), 2, 0.1);
  for (const auto& loss : curve[1]["train"]) EXPECT_LT(loss, 0.05);
  for (const auto& d : curve[1]["feature_dimensionality"]) EXPECT_LT(d, 0.15);
  for (const auto& d : curve.back()["feature_dimensionality"]) EXPECT_GT(d, 0.2);
  for (const auto& d : curve.back()["sample_dimensionality"]) EXPECT_LT(d, 0.05);
  for (const auto& loss : curve.back()["test"]) EXPECT_LT(loss, 1);
  int pentagons = 0;  // samples that share features are a little closer
  for (const auto& instance : result["instances"])
    pentagons += instance["samples"] == 5 && instance["sample_geometry"] == "pentagon" ? 1 : 0;
  EXPECT_GE(pentagons, 3);
}

// The pentagon is the optimum of five features in two dimensions at this density; its loss by exact
// quadrature.
TEST_F(SlowToy, FiveFeaturesFormAPentagon) {
  const auto result = result_of("superposition --density 0.05");
  const auto& best = result["summary"][0];
  EXPECT_NEAR(best["best_loss"], 0.00890359, 1e-3 * 0.00890359);
  EXPECT_NEAR(best["optimum"], 0.00890359, 1e-8);
  EXPECT_EQ(best["geometry"], "pentagon");
  EXPECT_EQ(best["represented"], 5);
}

// Twenty features of importance 0.7^i in five dimensions: 13 or 14 with ReLU where they are sparse (a
// published replication of Elhage et al. 2022), exactly 5 where output is linear.
TEST_F(SlowToy, ReluRepresentsMoreFeaturesThanDimensions) {
  const std::string size = "superposition --features 20 --dims 5 --importance 0.7 --samples 2000 ";
  const auto relu = result_of(size + "--density 0.002 --instances 11");
  std::vector<int> represented;
  for (const auto& instance : relu["instances"]) represented.push_back(instance["represented"]);
  std::sort(represented.begin(), represented.end());
  EXPECT_GE(represented[5], 13);  // the median
  EXPECT_LE(represented.back(), 14);
  const auto linear = result_of(size + "--density 1,0.1,0.01 --activation linear --steps 5000 --instances 3");
  for (const auto& instance : linear["instances"]) {
    EXPECT_EQ(instance["represented"], 5);
    EXPECT_EQ(instance["geometry"], "5 axes");
  }
}

}  // namespace
}  // namespace polysem
