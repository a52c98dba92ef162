// The polysem program as a script sees it: exit codes, files, messages.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "polysem/npy.hpp"
#include "polysem/safetensors.hpp"
#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

using nlohmann::json;
using test::TemporaryFolder;

TEST_F(Program, HelpHasAnExampleForEveryCommand) {
  EXPECT_EQ(run("").code, 0);
  for (const char* command : {"capture", "data", "train", "eval", "encode", "report", "info", "backends"}) {
    const Outcome o = run(std::string("help ") + command);
    EXPECT_EQ(o.code, 0);
    EXPECT_NE(o.output.find("example:\n  polysem " + std::string(command)), std::string::npos) << o.output;
    EXPECT_EQ(run(std::string(command) + " --help").output, o.output);
  }
}

TEST_F(Program, WrongUsageNamesTheNearestRightOne) {
  expect_failure("trian", 2, "did you mean 'train'");
  expect_failure("xyzzy", 2, "there is no command 'xyzzy' ('polysem' alone lists them)");
  expect_failure("train --latens 5", 2, "--latents");
  expect_failure("train --data x --latents zero --out y", 3, "x");
  expect_failure("train --latents 8 --out y", 2, "--data");
  expect_failure("backends --precision f64", 0, "");
  expect_failure("eval", 2, "CODER");
  expect_failure("train --list-recipes extra --threads -3", 0, "");
  expect_failure("backends --backend", 2, "backend");
  expect_failure("backends extra", 2, "extra");
  expect_failure("data list extra", 2, "extra");
}

TEST_F(Program, NumbersTakeSuffixesAndRangesAreChecked) {
  ASSERT_EQ(
      run("data make superposed --rows 1k --dim 8 --features 1e1 --active 1 --out s --json s.json").code, 0);
  ASSERT_EQ(run("data info s --json info.json").code, 0);
  EXPECT_EQ(read_json("info.json")["rows"], 1024);
  expect_failure("data make superposed --rows 0 --out t", 2, "--rows");
  expect_failure("data make superposed --rows 1.5 --out t", 2, "whole number");
  expect_failure("train --data s --latents 8 --k 9 --out c", 2, "--k");
}

TEST_F(Program, BackendsAreNamedAndNeverReplaced) {
  ASSERT_EQ(run("backends --json b.json").code, 0);
  bool reference = false;
  const json found = read_json("b.json");
  for (const auto& b : found["backends"]) reference |= b["name"] == "reference" && b["available"];
  EXPECT_TRUE(reference);
  ASSERT_EQ(run("data make superposed --rows 100 --out s --quiet").code, 0);
  expect_failure("train --data s --latents 8 --k 2 --backend quantum --out c", 4, "reference");
}

TEST_F(Program, TrainsEvaluatesEncodesAndDescribes) {
  make_and_train();
  for (const char* file : {"cfg.json", "sae_weights.safetensors", "polysem.json", "metrics.jsonl"})
    EXPECT_TRUE(std::filesystem::exists(folder_ / "coder" / file)) << file;
  EXPECT_EQ(read_json("coder/polysem.json")["schema"], "polysem.coder/1");

  ASSERT_EQ(run("eval coder --data store --json eval.json --quiet").code, 0);
  const json eval = read_json("eval.json");
  EXPECT_EQ(eval["schema"], "polysem.eval/1");
  EXPECT_LT(eval["metrics"]["reconstruction_quality"]["fvu"].get<double>(), 0.3);
  EXPECT_TRUE(eval["metrics"]["model_performance_preservation"].is_null());
  EXPECT_TRUE(eval["notes"].contains("model_performance_preservation"));

  ASSERT_EQ(
      run("encode coder --data store --rows 100 --out codes.safetensors --dense d.npy --reconstruction r.npy "
          "--quiet")
          .code,
      0);
  const Safetensors codes(folder_ / "codes.safetensors");
  const auto offsets = codes.read_i64("row_offsets");
  ASSERT_EQ(offsets.size(), 101u);
  const auto latents = codes.read_i32("latents");
  const auto values = codes.read_f32("values");
  const NpyArray dense = NpyArray::open(folder_ / "d.npy"), rows = NpyArray::open(folder_ / "r.npy");
  EXPECT_EQ(dense.shape(), (std::vector<std::int64_t>{100, 64}));
  EXPECT_EQ(rows.shape(), (std::vector<std::int64_t>{100, 16}));
  const auto all = dense.to_f32();
  for (std::size_t r = 0; r < 100; ++r)
    for (auto i = static_cast<std::size_t>(offsets[r]); i < static_cast<std::size_t>(offsets[r + 1]); ++i)
      EXPECT_EQ(all[r * 64 + static_cast<std::size_t>(latents[i])], values[i]);

  for (const char* path : {"coder", "store", "codes.safetensors", "d.npy", "eval.json"})
    EXPECT_EQ(run(std::string("info ") + path).code, 0) << path;
  EXPECT_EQ(run("report coder --data store --eval eval.json --out page.html --quiet").code, 0);
  EXPECT_NE(read_text(folder_ / "page.html").find("</html>"), std::string::npos);
  expect_failure("eval coder --data coder", 3, "no activation store");
}

TEST_F(Program, AnyNumberOfThreadsGivesTheSameFile) {
  make_and_train("--threads 1");
  ASSERT_EQ(run("train --config train.json --threads 3 --out again --quiet").code, 0);
  EXPECT_EQ(read_text(folder_ / "coder/sae_weights.safetensors"),
            read_text(folder_ / "again/sae_weights.safetensors"));
}

TEST_F(Program, RefusesToOverwriteAndToReadDamage) {
  make_and_train();
  expect_failure("train --data store --latents 64 --k 4 --out coder", 2, "--resume");
  expect_failure("train --data store --latents 64 --k 4 --out train.json", 1,
                 "--out: cannot make the folder train.json: Not a directory");
  std::filesystem::resize_file(folder_ / "coder/sae_weights.safetensors", 100);
  expect_failure("eval coder --data store", 3, "sae_weights.safetensors");
  ASSERT_EQ(run("data verify store").code, 0);
  std::fstream shard(folder_ / "store/shard-00000.safetensors",
                     std::ios::in | std::ios::out | std::ios::binary);
  shard.seekp(-1, std::ios::end);
  shard.put('\x7f');
  shard.close();
  expect_failure("data verify store", 3, "shard-00000");
}

// Killed by SIGINT in the middle and resumed, the run ends in the same bytes as one that was left alone.
TEST_F(Program, InterruptedRunsResumeToTheSameBytes) {
  make_and_train();
  const std::string command = "train --config train.json --steps 4000 --quiet ";
  ASSERT_EQ(run(command + "--out whole").code, 0);
  const Outcome stopped =
      run("train --config train.json --steps 4000 --quiet --out pieces & pid=$!; sleep 0.2; kill -INT "
          "$pid; wait $pid");
  if (stopped.code == 0) GTEST_SKIP() << "this machine was done before the signal came";
  EXPECT_EQ(stopped.code, 130) << stopped.errors;
  ASSERT_EQ(run(command + "--resume --out pieces").code, 0);
  EXPECT_EQ(read_text(folder_ / "whole/sae_weights.safetensors"),
            read_text(folder_ / "pieces/sae_weights.safetensors"));
}

TEST_F(Program, FullDiskIsAnError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  make_and_train();
  expect_failure("eval coder --data store --quiet --json /dev/full", 1, "/dev/full");
}

}  // namespace
}  // namespace polysem
