// What can be known at the start is said at the start, and nothing is left behind.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

class EarlyErrors : public Program {
 protected:
  void expect_nothing_done(const std::string& arguments, int code, const std::string& part) const {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.code, code) << arguments << "\n" << o.errors;
    EXPECT_NE(o.errors.find(part), std::string::npos) << arguments << "\n" << o.errors;
    EXPECT_EQ(o.output, "") << arguments;
  }
  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }
};

TEST_F(EarlyErrors, ResultsThatCannotBeWritten) {
  make_and_train();
  const std::string reason = "cannot write no/such: No such file or directory";
  expect_nothing_done("eval coder --data store --json no/such", 1, reason);
  expect_nothing_done("eval coder --data store --out no/such", 1, reason);
  for (const char* option : {"out", "dense", "reconstruction", "json"})
    expect_nothing_done("encode coder --data store --out ok --quiet --" + std::string(option) + " no/such", 1,
                        reason);
  expect_nothing_done("report coder --data store --quiet --out no/such", 1, reason);
  expect_nothing_done("train --data store --latents 8 --k 2 --out other --json no/such", 1, reason);
  expect_nothing_done("info coder --json no/such", 1, reason);
  EXPECT_FALSE(exists("ok"));
  EXPECT_FALSE(exists("other"));
}

TEST_F(EarlyErrors, HeldOutData) {
  ASSERT_EQ(run("data make superposed --rows 200 --dim 8 --out store").code, 0);
  ASSERT_EQ(run("data make superposed --rows 200 --dim 9 --out wider").code, 0);
  const std::string train = "train --data store --latents 8 --k 2 --eval-every 10 --out coder ";
  expect_nothing_done(train + "--eval-data nowhere", 3, "nowhere: is no activation store");
  expect_nothing_done(train + "--eval-data wider", 3, "--eval-data wider has 9 dimensions, --data has 8");
  expect_nothing_done(train, 2, "--eval-data");
  EXPECT_FALSE(exists("coder"));
}

TEST_F(EarlyErrors, FolderOfSeveralStoresNamesThem) {
  for (const char* site : {"sites/blocks.1", "sites/blocks.0"})
    ASSERT_EQ(run("data make superposed --rows 20 --out " + std::string(site)).code, 0);
  for (const char* command :
       {"data info sites", "data verify sites", "train --data sites --latents 8 --out c"})
    expect_nothing_done(command, 3, "it holds these: sites/blocks.0, sites/blocks.1");
}

TEST_F(EarlyErrors, ModelThatIsAlmostNamed) {
  expect_nothing_done("capture --model smolm2 --text x --out store", 3, "did you mean smollm2?");
  expect_nothing_done("capture --model models/other.gguf --text x --out store", 3, "models/other.gguf");
  EXPECT_FALSE(exists("store"));
}

TEST_F(EarlyErrors, OneIsSingular) {
  EXPECT_EQ(run("data make superposed --rows 1 --dim 1 --features 1 --active 1 --out s").output,
            "s: 1 row of 1 dimension, 1 feature, truth in truth.safetensors\n");
  EXPECT_EQ(run("data verify s").output, "s: 1 row in 1 shard, all as they were written\n");
}

TEST_F(EarlyErrors, MoreThreadsThanCoresAreNoReasonToPrintSomething) {
  ASSERT_EQ(run("data make superposed --rows 500 --dim 8 --out store").code, 0);
  const Outcome o = run("train --data store --latents 8 --k 2 --steps 5 --threads 40 --quiet --out coder");
  EXPECT_EQ(o.code, 0);
  EXPECT_EQ(o.errors, "");
}

// Reading a pipe that nobody writes stands for any work that does not ask whether it should stop.
TEST_F(EarlyErrors, InterruptBeforeTheWorkSaysSo) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe.json").c_str(), 0600), 0);
  const Outcome o = run("info pipe.json 2>said & pid=$!; sleep 0.3; kill -INT $pid; wait $pid");
  EXPECT_EQ(o.code, 130);
  EXPECT_EQ(read_text(folder_ / "said"), "\npolysem: interrupted\n");
}

TEST_F(EarlyErrors, DamagedCheckpoint) {
  make_and_train();
  std::fstream state(folder_ / "coder/checkpoint/state.safetensors",
                     std::ios::in | std::ios::out | std::ios::binary);
  state.seekg(-3, std::ios::end);
  const char byte = static_cast<char>(state.get() ^ 16);
  state.seekp(-3, std::ios::end);
  state.put(byte);
  state.close();
  expect_nothing_done("train --config train.json --resume --out coder", 3, "the checkpoint is damaged");
}

}  // namespace
}  // namespace polysem
