// polysem steer: editing latents while text is generated.
#include "tests/program/model_and_coder.hpp"

namespace polysem {
namespace {

class Steer : public ModelAndCoder {
 protected:
  const std::string base_ = "steer --model tiny.gguf --coder coder --text text.txt --tokens 12 --quiet ";

  std::size_t longest_line(const std::string& text) const {
    std::size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
    return longest;
  }
};

TEST_F(Steer, WritesWithAndWithoutSideBySide) {
  const Outcome o = run(base_ + "--prompt 'a cat, ' --edit '0=+40,5=0' --json s.json");
  ASSERT_EQ(o.code, 0) << o.errors;
  const auto json = read_json("s.json");
  EXPECT_EQ(json["schema"], "polysem.steer/1");
  EXPECT_EQ(json["site"], "blocks.0.hook_resid_post");
  EXPECT_EQ(json["prompt"], "a cat, ");  // with its comma
  EXPECT_EQ(json["edits"][0]["kind"], "add");
  EXPECT_EQ(json["edits"][0]["value"], 40);
  EXPECT_EQ(json["edits"][1]["kind"], "ablate");
  EXPECT_EQ(json["edits"][0]["use"]["active"], json["edits"][0]["use"]["tokens"]);
  EXPECT_EQ(json["without"]["tokens"].size(), 12u);
  EXPECT_NE(json["without"]["tokens"], json["with"]["tokens"]);
  EXPECT_GT(json["effect"]["kl_divergence"], 0);
  EXPECT_NE(json["effect"]["loss_with"], json["effect"]["loss_without"]);
  EXPECT_NE(o.output.find("without the edits"), std::string::npos);
  EXPECT_NE(o.output.find("next-token loss"), std::string::npos);

  // What --json writes, --out writes.
  ASSERT_EQ(run(base_ + "--prompt 'a cat, ' --edit '0=+40,5=0' --text-tokens 0 --out o.json").code, 0);
  EXPECT_EQ(read_json("o.json")["with"], json["with"]);
  expect_failure(base_ + "--prompt cat --edit 0=1 --out none/o.json", 1, "none/o.json");

  // An edit that changes nothing; the same seed; a .polysem file.
  ASSERT_EQ(run("convert coder c.polysem --quiet").code, 0);
  ASSERT_EQ(
      run("steer --model tiny.gguf --coder c.polysem --text text.txt --tokens 12 --temperature 1 --seed 3 "
          "--prompt 'a cat' --edit '0=*1,1=0' --json t.json --quiet")
          .code,
      0);
  const auto same = read_json("t.json");
  EXPECT_EQ(same["without"]["tokens"], same["with"]["tokens"]);
  EXPECT_EQ(same["effect"]["kl_divergence"], 0);
  EXPECT_EQ(same["edits"][1]["use"]["active"], 0);
}

TEST_F(Steer, KeepsToTheTerminalsWidth) {
  const std::string command = base_ + "--prompt 'a cat' --edit 0=+40 --tokens 30";
  for (const char* columns : {"60", "120"}) {
    const Outcome o = run(command, std::string("COLUMNS=") + columns);
    EXPECT_LE(longest_line(o.output), static_cast<std::size_t>(std::atoi(columns))) << o.output;
    EXPECT_NE(o.output.find(" | with the edits"), std::string::npos) << columns << o.output;
  }
  EXPECT_EQ(run(command, "COLUMNS=40").output.find(" | "), std::string::npos);
}

TEST_F(Steer, RefusesBadRequestsByName) {
  const std::string prompt = base_ + "--prompt cat ";
  for (const char* edit :
       {"77=+8", "-1=0", "x=1", "5", "5=", "5=nan", "5=inf", "5=1e39", "5=*", "5<3", "=3", "5=+x", ""})
    expect_failure(prompt + "--edit '" + edit + "'", 2, "option --edit");
  expect_failure(prompt + "--edit 77=+8", 2, "option --edit: '77=+8': there is no latent 77");
  expect_failure(base_ + "--prompt cat", 2, "--edit");
  expect_failure(base_ + "--edit 0=1", 2, "--prompt");
  expect_failure(base_ + "--edit 0=1 --prompt ''", 2, "--prompt");
  expect_failure(base_ + "--edit 0=1 --prompt " + std::string(60, 'a'), 2, "60 tokens");
  expect_failure(prompt + "--edit 0=1 --site blocks.7.hook_resid_post", 2, "blocks.7");
  expect_failure(prompt + "--edit 0=1 --site blocks.0.mlp.hook_post", 3, "32 dimensions");
  expect_failure(prompt + "--edit 0=1 --positions some", 2, "--positions");
  expect_failure(prompt + "--edit 0=1 --temperature nan", 2, "--temperature");
  expect_failure(prompt + "--edit 0=1 --tokens 0", 2, "--tokens");
  // Before the work, and before anything is printed.
  for (const char* wrong : {"--tokens 0", "--temperature -1", "--positions some", "--seed x"})
    EXPECT_EQ(run(prompt + "--edit 0=1 " + wrong).output, "") << wrong;
  expect_failure(prompt + "--edit 0=1 --model none.gguf", 3, "none.gguf");
  expect_failure(prompt + "--edit 0=1 --text none.txt", 3, "none.txt");
  expect_failure("steer stray --prompt a --edit 0=1", 2, "stray");
  save("elsewhere", 32, "");
  save("deeper", 32, "blocks.30.hook_resid_post");
  const std::string other = "steer --model tiny.gguf --text text.txt --prompt a --edit 0=1 --coder ";
  expect_failure(other + "elsewhere", 2, "--site");
  expect_failure(other + "deeper", 3, "blocks.30");
  save("narrow", 16, "blocks.0.hook_resid_post");
  expect_failure(other + "narrow", 3, "16 dimensions");
}

// One huge vector the model's norm makes zero; where several overflow, there is nothing left to write with.
TEST_F(Steer, HugeEditsAreSaidToBeTooLarge) {
  EXPECT_EQ(run(base_ + "--prompt 'a cat' --edit 0=3e38").code, 0);
  std::string many = "0=3e38";
  for (int latent = 2; latent < 30; ++latent) many += "," + std::to_string(latent) + "=3e38";
  expect_failure(base_ + "--prompt 'a cat' --edit " + many, 1, "too large");
}

}  // namespace
}  // namespace polysem
