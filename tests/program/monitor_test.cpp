// polysem monitor: watching latents while text passes.
#include "tests/program/model_and_coder.hpp"

namespace polysem {
namespace {

class Monitor : public ModelAndCoder {
 protected:
  const std::string base_ = "monitor --model tiny.gguf --coder coder --quiet --watch ";
};

TEST_F(Monitor, FindsWhatIsWatchedInItsContext) {
  write("rules.json", R"({"watch": [{"latent": 0, "name": "always"}, {"latent": 1, "on": 1, "off": 0.5},
                                    {"latent": 9, "name": "nine", "smoothing": 0.5}],
                          "rules": [{"name": "both", "all": ["always", "!1"]}],
                          "probes": [{"name": "score", "weights": {"always": 1}, "bias": -1}]})");
  const Outcome o = run(base_ + "rules.json --text text.txt --json m.json --context 48");
  ASSERT_EQ(o.code, 0) << o.errors;
  const auto json = read_json("m.json");
  EXPECT_EQ(json["schema"], "polysem.monitor/1");
  EXPECT_EQ(json["tokens"], 74);
  EXPECT_EQ(json["positions"], 72);  // two contexts, each without its first token
  EXPECT_EQ(json["non_finite"], 0);
  const auto& watched = json["watched"];
  ASSERT_EQ(watched.size(), 5u);
  EXPECT_EQ(watched[0]["name"], "always");
  EXPECT_EQ(watched[0]["hits"], 1);
  EXPECT_EQ(watched[0]["active_positions"], 72);
  EXPECT_EQ(watched[1]["name"], "1");
  EXPECT_EQ(watched[1]["hits"], 0);
  EXPECT_EQ(watched[3]["kind"], "rule");
  EXPECT_EQ(watched[3]["active_positions"], 72);
  EXPECT_EQ(watched[4]["kind"], "probe");
  EXPECT_EQ(json["hits"].size(), 1 + 0 + watched[2]["hits"].get<std::size_t>() + 1 + 1);
  const auto& first = json["hits"][0];
  EXPECT_EQ(first["document"], "text.txt");
  EXPECT_EQ(first["position"], 1);
  EXPECT_EQ(first["before"], "o");
  EXPECT_EQ(first["token"], "n");
  EXPECT_EQ(first["after"].get<std::string>().substr(0, 9), "ce upon a");
  EXPECT_EQ(first["latent"], 0);
  EXPECT_NE(o.output.find("o[n]ce upon a"), std::string::npos) << o.output;
  EXPECT_EQ(o.output.find('\033'), std::string::npos);

  // The same through standard input and a .polysem file that holds what is watched.
  ASSERT_EQ(run("convert coder c.polysem --latents 0,1,9 --quiet").code, 0);
  const Outcome piped =
      run("monitor --model tiny.gguf --coder c.polysem --quiet --watch rules.json --text - "
          "--context 48 --json p.json",
          "cat text.txt |");
  ASSERT_EQ(piped.code, 0) << piped.errors;
  EXPECT_EQ(read_json("p.json")["watched"], watched);
}

TEST_F(Monitor, DocumentsBeginAnewAndTokensCanBeLimited) {
  write("rules.json", R"({"watch": [{"latent": 0}]})");
  write("more.txt", "another text");
  ASSERT_EQ(run(base_ + "rules.json --text text.txt,more.txt --json m.json").code, 0);
  EXPECT_EQ(read_json("m.json")["watched"][0]["hits"], 2);
  ASSERT_EQ(run(base_ + "rules.json --text text.txt --tokens 10 --json m.json").code, 0);
  EXPECT_EQ(read_json("m.json")["tokens"], 10);
  const Outcome narrow = run(base_ + "rules.json --text text.txt", "COLUMNS=60");
  std::istringstream lines(narrow.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 60u) << line;
}

TEST_F(Monitor, RulesThatAreWrongNameFileAndKey) {
  const std::pair<const char*, const char*> bad[] = {
      {R"({)", "offset"},
      {R"([])", "object"},
      {R"({})", "nothing to watch"},
      {R"({"watch": []})", "nothing to watch"},
      {R"({"watch": [{"latent": 64}]})", "watch[0].latent"},
      {R"({"watch": [{"latent": -1}]})", "watch[0].latent"},
      {R"({"watch": [{"latent": 1.5}]})", "watch[0].latent"},
      {R"({"watch": [{"latent": 99999999999999999999}]})", "watch[0].latent"},
      {R"({"watch": [{"name": "x"}]})", "latent"},
      {R"({"watch": [{"latent": 1, "onn": 2}]})", "did you mean 'on'"},
      {R"({"watch": [{"latent": 1, "on": "2"}]})", "watch[0].on"},
      {R"({"watch": [{"latent": 1, "on": 1e39}]})", "watch[0].on"},
      {R"({"watch": [{"latent": 1, "on": 1, "off": 2}]})", "watch[0].off"},
      {R"({"watch": [{"latent": 1, "smoothing": 0}]})", "watch[0].smoothing"},
      {R"({"watch": [{"latent": 1}, {"latent": 1}]})", "two of the name"},
      {R"({"watch": [{"latent": 1}], "rules": [{"name": "r", "all": ["2"]}]})", "no watch '2'"},
      {R"({"watch": [{"latent": 1}], "rules": [{"name": "r", "all": []}]})", "rules[0].all"},
      {R"({"watch": [{"latent": 1}], "rules": [{"name": "r", "all": ["1"], "any": ["1"]}]})", "either"},
      {R"({"watch": [{"latent": 1}], "probes": [{"name": "p", "weights": {}}]})", "probes[0].weights"},
      {R"({"watch": [{"latent": 1}], "probes": [{"name": "p", "weights": {"1": "x"}}]})", "weights.1"},
  };
  for (const auto& [text, part] : bad) {
    write("bad.json", text);
    const Outcome o = run(base_ + "bad.json --text text.txt");
    EXPECT_EQ(o.code, 3) << text << o.errors;
    EXPECT_NE(o.errors.find("bad.json"), std::string::npos) << o.errors;
    EXPECT_NE(o.errors.find(part), std::string::npos) << text << "\n" << o.errors;
  }
  expect_failure(base_ + "none.json --text text.txt", 3, "none.json");
  expect_failure("monitor --model tiny.gguf --coder coder --text text.txt", 2, "--watch");
}

}  // namespace
}  // namespace polysem
