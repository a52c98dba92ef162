// polysem convert, and the commands that take the file it writes.
#include "polysem/core_file.hpp"
#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

using Convert = Program;

TEST_F(Convert, WritesMeasuresAndIsReadByOtherCommands) {
  make_and_train();
  const Outcome o = run("convert coder c.polysem --to core --dtype int8 --json c.json --quiet");
  ASSERT_EQ(o.code, 0) << o.errors;
  const auto json = read_json("c.json");
  EXPECT_EQ(json["schema"], "polysem.convert/1");
  EXPECT_EQ(json["bytes"], std::filesystem::file_size(folder_ / "c.polysem"));
  EXPECT_EQ(json["quality"]["rows"], 3000);
  EXPECT_EQ(json["quality"]["data"], "store");
  EXPECT_GT(json["quality"]["agreement"], 0.9);
  EXPECT_NEAR(json["quality"]["fvu_after"], json["quality"]["fvu_before"], 0.01);
  EXPECT_EQ(json["calibration"], nullptr);

  EXPECT_NE(run("info c.polysem").output.find("int8"), std::string::npos);
  const Outcome eval = run("eval c.polysem --data store --json eval.json --quiet");
  ASSERT_EQ(eval.code, 0) << eval.errors;
  EXPECT_NEAR(read_json("eval.json")["metrics"]["reconstruction_quality"]["fvu"],
              json["quality"]["fvu_after"], 1e-4);
  EXPECT_EQ(run("encode c.polysem --data store --out codes.safetensors --quiet").code, 0);
  EXPECT_EQ(run("report c.polysem --data store --out r.html --quiet").code, 0);
  EXPECT_EQ(run("convert c.polysem again.polysem --dtype int4 --quiet").code, 0);
}

TEST_F(Convert, SubsetsOfTopKGetThresholds) {
  make_and_train();
  std::ofstream(folder_ / "list.txt") << "1, 5  # two\n10-12\n";
  std::ofstream(folder_ / "names.json") << R"({"5": "months", "63": "not in it"})";
  const Outcome o =
      run("convert coder s.polysem --latents list.txt,60 --names names.json --json s.json --quiet");
  ASSERT_EQ(o.code, 0) << o.errors;
  EXPECT_NE(o.output.find("calibrated on 1,500 rows"), std::string::npos) << o.output;
  const auto json = read_json("s.json");
  EXPECT_EQ(json["latents"], 6);
  EXPECT_EQ(json["source_latents"], 64);
  EXPECT_EQ(json["activation"], "jumprelu");
  EXPECT_EQ(json["quality"]["rows"], 1500);
  ASSERT_EQ(run("info s.polysem --json i.json").code, 0);
  EXPECT_EQ(read_json("i.json")["latent_ids"], nlohmann::json({1, 5, 10, 11, 12, 60}));
  EXPECT_EQ(read_json("i.json")["names"], nlohmann::json({{"5", "months"}}));
  // A subset of the subset; latents keep their numbers.
  ASSERT_EQ(run("convert s.polysem t.polysem --latents 5,60 --data store --quiet --json t.json").code, 0);
  EXPECT_GT(read_json("t.json")["quality"]["agreement"], 0.9999);
  expect_failure("convert s.polysem t.polysem --latents 6", 2,
                 "option --latents: there is no latent 6 in s.polysem");
  ASSERT_EQ(run("convert coder all.polysem --latents all --quiet --json a.json").code, 0);
  EXPECT_EQ(read_json("a.json")["latents"], 64);

  std::filesystem::remove_all(folder_ / "store");
  expect_failure("convert coder u.polysem --latents 1", 2, "give --data");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "u.polysem"));
  const Outcome unmeasured = run("convert coder v.polysem");
  EXPECT_EQ(unmeasured.code, 0);
  EXPECT_NE(unmeasured.output.find("quality was not measured"), std::string::npos) << unmeasured.output;
}

TEST_F(Convert, RefusesBadRequestsAndFiles) {
  make_and_train();
  for (const char* list : {"64", "5-3", "-1", "1.5", "x", "1-", "99999999999999999999", "0-63,64"})
    expect_failure("convert coder o.polysem --latents=" + std::string(list), 2, "--latents");
  std::ofstream(folder_ / "bad.txt") << "3\n4 nine\n";
  expect_failure("convert coder o.polysem --latents bad.txt", 3, "bad.txt:2");
  expect_failure("convert coder", 2, "two arguments");
  expect_failure("convert coder o.polysem --dtype int3", 2, "--dtype");
  expect_failure("convert coder o.polysem --to sae", 2, "--to");
  expect_failure("convert coder no/o.polysem", 1, "no");
  expect_failure("convert nothing o.polysem", 3, "nothing");
  std::ofstream(folder_ / "names.json") << R"({"64": "beyond"})";
  expect_failure("convert coder o.polysem --names names.json", 3, "names.json: 64");
  for (const char* names : {R"({"5": "a", "5": "b"})", R"({"05": "a"})", R"({"5.0": "a"})", R"({"5": "a)"}) {
    std::ofstream(folder_ / "names.json") << names;
    expect_failure("convert coder o.polysem --names names.json", 3, "names.json: ");
  }
  expect_failure("convert coder ''", 2, "empty");
  expect_failure("convert coder o.polysem --out p.polysem", 2, "two arguments");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "o.polysem"));
  EXPECT_EQ(run("convert coder --out p.polysem --rows 10 --quiet").code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "p.polysem"));
  // What is read is not written over.
  expect_failure("convert p.polysem ./p.polysem --dtype int4", 2, "p.polysem is read");
  expect_failure("encode p.polysem --data store --out p.polysem", 2, "p.polysem is read");
  EXPECT_EQ(run("info p.polysem").code, 0);
  std::ofstream(folder_ / "junk.polysem") << "POLYSEM";
  for (const char* command :
       {"info junk.polysem", "eval junk.polysem --data store", "convert junk.polysem o.polysem"})
    expect_failure(command, 3, "junk.polysem: ");
  for (const char* command : {"eval absent --data store", "convert absent o.polysem", "eval '' --data store"})
    expect_failure(command, 3, "expected a coder's folder or a .polysem file; it does not exist");
}

// A file that another version wrote, or one that this version's core can run but nothing else, is a file that
// cannot be used: no backend is at fault.
TEST_F(Convert, FilesThatCannotBeUsedAreBadFiles) {
  make_and_train();
  ASSERT_EQ(run("convert coder c.polysem --rows 10 --quiet").code, 0);
  std::fstream(folder_ / "c.polysem", std::ios::in | std::ios::out | std::ios::binary).seekp(8).put(9);
  for (const char* command : {"info c.polysem", "eval c.polysem --data store", "convert c.polysem o.polysem"})
    expect_failure(command, 3, "c.polysem: the model file was written by a later version");

  CoreCoder coder;
  coder.d_in = coder.d_out = 16;
  coder.latents = coder.source_latents = 64;
  coder.w_enc.assign(64 * 16, 1.0f), coder.w_dec = coder.w_enc;
  coder.b_enc.assign(64, 0.0f), coder.b_dec.assign(16, 0.0f);
  coder.output_scale = 2;
  write_core_file(folder_ / "scaled.polysem", coder, POLYSEM_F32);
  for (const char* command :
       {"eval scaled.polysem --data store", "encode scaled.polysem --data store --out o",
        "convert scaled.polysem o.polysem"})
    expect_failure(command, 3, "scaled.polysem: the coder has scales that are not folded");
  coder.output_scale = 1;
  coder.source = "tiny \033[31mblocks.0.hook_resid_post";
  write_core_file(folder_ / "red.polysem", coder, POLYSEM_F32);
  EXPECT_EQ(run("info red.polysem").output.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace polysem
