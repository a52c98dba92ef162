// --config: what a result says of its options makes the same result again; mistakes are named by file and
// key.
#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

using nlohmann::json;

class Config : public Program {
 protected:
  void make_store() const {
    ASSERT_EQ(
        run("data make superposed --features 32 --dim 16 --active 2 --rows 3000 --out store --quiet").code,
        0);
  }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ / file) << text;
  }
  std::string weights(const std::string& coder) const {
    return read_text(folder_ / coder / "sae_weights.safetensors");
  }
};

TEST_F(Config, OfAResultMakesItAgain) {
  make_and_train();
  // --json of the first run is no option of the second: it would write over the file that is read.
  const std::string before = read_text(folder_ / "train.json");
  ASSERT_EQ(run("train --config train.json --out again --quiet").code, 0);
  EXPECT_EQ(weights("coder"), weights("again"));
  EXPECT_EQ(read_text(folder_ / "train.json"), before);
  ASSERT_EQ(run("train --config coder/polysem.json --out third --quiet").code, 0);
  EXPECT_EQ(weights("coder"), weights("third"));
  ASSERT_EQ(run("train --config train.json --seed 4 --out other --quiet").code, 0);
  EXPECT_NE(weights("coder"), weights("other"));
  expect_failure("train --config train.json", 2, "--out coder holds a coder");
}

TEST_F(Config, OptionsThatReplaceOthersComeBack) {
  make_store();
  ASSERT_EQ(run("train --data store --expansion 2 --samples 2k --batch 128 --out a --quiet").code, 0);
  const json made = read_json("a/polysem.json")["config"]["options"];
  EXPECT_FALSE(made.contains("steps"));
  EXPECT_FALSE(made.contains("latents"));
  const auto again = run("train --config a/polysem.json --out b --quiet");
  ASSERT_EQ(again.code, 0) << again.errors;
  EXPECT_EQ(weights("a"), weights("b"));
  // The command line wins over the file also where it says the same in other words.
  const auto longer = run("train --config a/polysem.json --steps 20 --latents 32 --out c --quiet");
  ASSERT_EQ(longer.code, 0) << longer.errors;
  EXPECT_EQ(read_json("c/polysem.json")["config"]["options"]["steps"], "20");
  EXPECT_NE(weights("a"), weights("c"));
}

TEST_F(Config, IsInEveryResultAndAcceptedBack) {
  make_and_train();
  ASSERT_EQ(run("eval coder --data store --rows 500 --json eval.json --quiet").code, 0);
  std::filesystem::copy_file(folder_ / "store/shard-00000.safetensors", folder_ / "rows.safetensors");
  const std::vector<std::string> commands = {
      "backends",
      "data info store",
      "data list",
      "data verify store",
      "data make superposed --rows 50 --out made",
      "data import rows.safetensors --out imported --dtype bf16",
      "train --list-recipes",
      "train --data store --latents 32 --steps 5 --out small --quiet",
      "eval coder --data store --rows 500 --quiet",
      "encode coder --data store --rows 9 --out codes.safetensors --quiet",
      "report coder --data store --random 3 --out page.html --quiet",
      "info coder"};
  for (const std::string& line : commands) {
    const auto first = run(line + " --json result.json");
    ASSERT_EQ(first.code, 0) << line << "\n" << first.errors;
    json made = read_json("result.json");
    ASSERT_TRUE(made.contains("config")) << line;
    EXPECT_FALSE(made["config"]["options"].contains("json")) << line;
    for (const char* output : {"made", "imported", "small"}) std::filesystem::remove_all(folder_ / output);
    const auto second = run(line.substr(0, line.find(' ')) + " --config result.json --json again.json");
    ASSERT_EQ(second.code, 0) << line << "\n" << second.errors;
    json again = read_json("again.json");
    for (const char* key : {"training_seconds", "metrics", "command"})
      made.erase(key), again.erase(key);  // times; the command as typed
    EXPECT_EQ(made, again) << line;
  }
  const json eval = read_json("eval.json");
  EXPECT_EQ(eval["config"]["arguments"], json({"coder"}));
  EXPECT_EQ(eval["config"]["options"]["rows"], "500");
}

TEST_F(Config, ValuesMayBeNumbersListsAndFlags) {
  make_store();
  write("options.json", R"({"data": "store", "latents": 64, "k": 4, "lr": 1e-3, "steps": 10, "quiet": true,
                            "resume": false, "eval-data": null, "batch": "1k"})");
  const auto o = run("train --config options.json --out coder");
  ASSERT_EQ(o.code, 0) << o.errors;
  EXPECT_EQ(o.errors, "");
  const json made = read_json("coder/polysem.json")["config"]["options"];
  EXPECT_EQ(made["lr"], "0.001");
  EXPECT_EQ(made["batch"], "1k");
  EXPECT_FALSE(made.contains("resume"));
}

TEST_F(Config, MistakesAreNamedByFileAndKey) {
  make_store();
  const auto refused = [&](const std::string& text, const std::string& part) {
    write("bad.json", text);
    expect_failure("train --config bad.json --data store --out x", 3, "bad.json: " + part);
  };
  refused(R"({"latens": 3})", R"(unknown key "latens"; did you mean "latents"?)");
  refused(R"({"config": {"command": "train", "options": {"latens": 3}}})",
          R"(config.options: unknown key "latens"; did you mean "latents"?)");
  refused(R"({"options": {"k": 4}, "latents": 3})", R"(unknown key "latents")");
  refused(R"({"config": "other.json"})", R"(unknown key "config")");
  refused(R"({"resume": "no"})", "resume: expected true or false");
  refused(R"({"latents": 3, "latents": 4})", R"(the key "latents" occurs twice)");
  refused(R"({"latents": [3, 4]})", "latents: expected one value, found an array");
  refused(R"({"latents": {}})", "latents: expected a string, a number or true/false, found object");
  refused(R"({"latents": "zero"})", "latents: expected a whole number from 1");
  refused(R"({"options": {"latents": 8, "lr": 0}})", "options.lr: expected a number from");
  refused(R"({"latents": 8, "decoder": "round"})", "decoder: expected one of unit_norm");
  refused(R"({"latents": 8, "recipe": "relu"})", "recipe: ");
  refused(R"({"latents": 8)", "offset ");
  refused("[]", "expected an object of options, found array");
  refused(R"({"schema": "polysem.eval/1"})", "this file does not say with which options it was made");
  refused(R"({"command": "eval", "options": {}})",
          "command: these are options of polysem eval, not of polysem train");
  expect_failure("train --config none.json", 3, "none.json");
  // What the command line says is the command line's mistake.
  write("bad.json", R"({"latents": "zero"})");
  expect_failure("train --config bad.json --latents none --data store --out x", 2, "option --latents: ");
}

}  // namespace
}  // namespace polysem
