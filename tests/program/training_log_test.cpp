// What polysem train says on the way: event files for TensorBoard, warnings.
#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

class TrainingLog : public Program {
 protected:
  void make_store() const {
    ASSERT_EQ(
        run("data make superposed --features 32 --dim 16 --active 2 --rows 3000 --out store --quiet").code,
        0);
  }
  std::vector<std::string> event_files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "coder"))
      if (entry.path().filename().string().starts_with("events.out.tfevents."))
        files.push_back(read_text(entry.path()));
    return files;
  }
};

TEST_F(TrainingLog, EventFilesHoldTheMetrics) {
  make_and_train("--tensorboard");
  ASSERT_EQ(event_files().size(), 1u);
  const std::string events = event_files()[0];
  for (const char* tag :
       {"losses/mse_loss", "metrics/fvu", "metrics/explained_variance", "metrics/l0",
        "sparsity/dead_fraction", "details/current_learning_rate", "details/n_training_samples"}) {
    std::size_t count = 0;  // a line every 50 of 300 steps
    for (std::size_t at = 0; (at = events.find(tag, at)) != events.npos; ++at) ++count;
    EXPECT_EQ(count, 6u) << tag;
  }
  ASSERT_EQ(run("train --config train.json --resume --quiet").code, 0);  // a session, with no step left to do
  EXPECT_EQ(event_files().size(), 2u);
}

// A learning rate that is far too high: said on the way, kept in polysem.json, the same after a resume.
TEST_F(TrainingLog, WarningsSayWhatToTry) {
  make_store();
  const std::string command =
      "train --data store --latents 64 --k 4 --batch 128 --steps 300 --lr 30 --log-every 10 ";
  const Outcome o = run(command + "--out coder");
  ASSERT_EQ(o.code, 0) << o.errors;
  const auto warnings = read_json("coder/polysem.json")["warnings"];
  ASSERT_FALSE(warnings.empty());
  for (const auto& warning : warnings) {
    EXPECT_NE(o.errors.find("warning: " + warning["message"].get<std::string>() + "\n"), std::string::npos)
        << o.errors;
    EXPECT_NE(warning["message"].get<std::string>().find("a smaller --lr (now 30)"), std::string::npos);
  }
  const Outcome again = run(command + "--out coder --resume");
  ASSERT_EQ(again.code, 0) << again.errors;
  EXPECT_EQ(again.errors.find("warning"), std::string::npos) << again.errors;
  EXPECT_EQ(read_json("coder/polysem.json")["warnings"], warnings);
}

TEST_F(TrainingLog, SizesAreHeldAgainstDataAndMachine) {
  make_store();
  const Outcome o = run("train --data store --latents 8 --k 2 --batch 4000 --steps 3 --out coder");
  ASSERT_EQ(o.code, 0) << o.errors;
  EXPECT_NE(o.errors.find("warning: --batch 4,000 is more than the 3,000 rows of the data"),
            std::string::npos);
  EXPECT_EQ(read_json("coder/polysem.json")["warnings"][0]["kind"], "batch_above_rows");
  expect_failure(
      "train --data store --latents 2e9 --k 2 --steps 3 --out large", 1,
      "training 2,000,000,000 latents on 16 dimensions with 2,048 rows a step needs more than 792 GB");
  expect_failure("train --data store --latents 8 --k 2 --batch 2e9 --steps 1e12 --out large", 2,
                 "option --steps");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "large"));
}

TEST_F(TrainingLog, ARunThatGoesWellHasNoWarnings) {
  make_and_train();
  EXPECT_EQ(read_json("coder/polysem.json")["warnings"], nlohmann::json::array());
}

}  // namespace
}  // namespace polysem
