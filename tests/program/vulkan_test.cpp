// Training on Vulkan through the program: as on the host, with the same bits for any number of threads, and
// what is said and left when there is no driver or the device fails.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/program/durable_run.hpp"

namespace polysem {
namespace {

using nlohmann::json;

const std::string kDevice = " --backend vulkan:llvmpipe ";
constexpr int kSteps = 40;

class VulkanProgram : public DurableRun {
 protected:
  void SetUp() override {
    const Outcome o = run("backends --json backends.json");
    ASSERT_EQ(o.code, 0) << o.errors;
    const auto found = read_json("backends.json");
    for (const auto& backend : found["backends"]) {
      if (!backend["name"].get<std::string>().starts_with("vulkan:")) continue;
      if (backend["device"].get<std::string>().starts_with("llvmpipe")) return DurableRun::SetUp();
    }
    GTEST_SKIP() << "there is no Vulkan device in software";
  }

  std::vector<json> metrics(const std::string& coder) const {
    std::istringstream text(read_text(folder_ / coder / "metrics.jsonl"));
    std::vector<json> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
    return lines;
  }

  void expect_close(const std::string& found, const std::string& expected, double tolerance) const {
    const auto a = metrics(found), b = metrics(expected);
    ASSERT_EQ(a.size(), b.size());
    ASSERT_GE(a.size(), 5u);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i]["step"], b[i]["step"]);
      for (const char* key : {"loss", "fvu"})
        EXPECT_NEAR(a[i][key].get<double>(), b[i][key].get<double>(), tolerance * b[i][key].get<double>())
            << key << " at step " << a[i]["step"];
    }
  }
};

using SlowVulkanProgram = VulkanProgram;

TEST_F(SlowVulkanProgram, TrainsAsTheHostDoesAndSaysWhereItRan) {
  for (const std::string recipe : {"topk", "batch_topk", "jumprelu", "relu_l1"}) {
    SCOPED_TRACE(recipe);
    ASSERT_EQ(run(train(recipe, kSteps) + "host_" + recipe + " --json options.json").code, 0);
    const Outcome o = run("train --quiet --config options.json --out card_" + recipe + kDevice);
    ASSERT_EQ(o.code, 0) << o.errors;
    expect_close("card_" + recipe, "host_" + recipe, 1e-3);
    const json about = read_json("card_" + recipe + "/polysem.json")["environment"];
    EXPECT_EQ(about["backend"], "vulkan");
    EXPECT_TRUE(about["device"].get<std::string>().starts_with("llvmpipe")) << about;
    EXPECT_NE(about["driver"].get<std::string>().find("Vulkan 1."), std::string::npos) << about;
    EXPECT_NE(about["features"].get<std::string>().find("cooperative matrices"), std::string::npos) << about;
    EXPECT_EQ(about["precision"], "f32");
    EXPECT_EQ(about["fallbacks"], json::object());
  }
  ASSERT_EQ(run("eval card_topk --data held --quiet --json card.json" + kDevice).code, 0);
  ASSERT_EQ(run("eval card_topk --data held --quiet --json host.json").code, 0);
  const json card = read_json("card.json"), host = read_json("host.json");
  EXPECT_EQ(card["environment"]["backend"], "vulkan");
  EXPECT_EQ(card["environment"]["device"], read_json("card_topk/polysem.json")["environment"]["device"]);
  const auto fvu = [](const json& result) {
    return result["metrics"]["reconstruction_quality"]["fvu"].get<double>();
  };
  EXPECT_NEAR(fvu(card), fvu(host), 1e-5 * fvu(host));
}

TEST_F(SlowVulkanProgram, HasTheSameBitsForAnyThreadsAndVectorWidth) {
  const std::string command = train("topk", kSteps, "--k 2" + kDevice);
  ASSERT_EQ(run(command + "two", "LP_NUM_THREADS=2").code, 0);
  const auto expected = contents("two");
  for (const char* other :
       {"LP_NUM_THREADS=2", "LP_NUM_THREADS=1", "LP_NUM_THREADS=4", "LP_NATIVE_VECTOR_WIDTH=128",
        "LP_NATIVE_VECTOR_WIDTH=512", "POLYSEM_VK_MAX_RANGE=4096", "POLYSEM_VK_MAX_WORK=1"}) {
    SCOPED_TRACE(other);
    std::filesystem::remove_all(folder_ / "other");
    ASSERT_EQ(run(command + "other", other).code, 0);
    const auto found = contents("other");
    for (const char* file : {"sae_weights.safetensors", "metrics.jsonl", "checkpoint/state.safetensors"})
      EXPECT_TRUE(found.at(file) == expected.at(file)) << file;
  }
}

// The device fails behind the first checkpoint; what is left goes on there to the same bytes, and on the
// host.
TEST_F(SlowVulkanProgram, AFailingDeviceEndsTheRunWithItsLastCheckpoint) {
  const std::string command = train("topk", kSteps, "--k 2");
  ASSERT_EQ(run(command + "whole" + kDevice).code, 0);
  struct Fault {
    std::string variable, message;
  };
  for (const Fault& fault : {Fault{"POLYSEM_VK_LOSE_DEVICE", "the device was lost"},
                             Fault{"POLYSEM_VK_FAIL_CALL", "the device is out of memory"}}) {
    SCOPED_TRACE(fault.variable);
    int call = 100;
    for (;; call += call / 2) {
      ASSERT_LT(call, 100000) << "the run is over before it has a checkpoint";
      std::filesystem::remove_all(folder_ / "begun");
      const Outcome o = run(command + "begun" + kDevice, fault.variable + "=" + std::to_string(call));
      ASSERT_EQ(o.code, 1) << o.errors;
      ASSERT_NE(o.errors.find(fault.message), std::string::npos) << o.errors;
      if (std::filesystem::exists(folder_ / "begun/checkpoint/state.safetensors")) break;
    }
    EXPECT_TRUE(temporaries("begun").empty());
    copy("begun", "host");
    EXPECT_EQ(run(command + "begun" + kDevice).code, 0);
    expect_same_run("begun", "whole");
    EXPECT_EQ(run(command + "host --backend reference").code, 0);
    expect_close("host", "whole", 1e-3);
  }
}

TEST_F(SlowVulkanProgram, TakesUpWhatTheHostBegan) {
  if (!have_faults()) GTEST_SKIP() << kNoFaults;
  const std::string command = train("topk", kSteps, "--k 2");
  ASSERT_EQ(run(command + "whole").code, 0);
  int calls = 30;
  do {
    std::filesystem::remove_all(folder_ / "begun");
    ASSERT_EQ(run(command + "begun", fault("change:kill:" + std::to_string(calls++))).code, 128 + 9);
  } while (!std::filesystem::exists(folder_ / "begun/checkpoint/state.safetensors"));
  const Outcome o = run(command + "begun" + kDevice);
  EXPECT_EQ(o.code, 0) << o.errors;
  expect_close("begun", "whole", 1e-3);
}

TEST_F(SlowVulkanProgram, TrainsToyModelsAsTheHostDoes) {
  const std::string command =
      "toy superposition --features 5 --dims 2 --density 0.1 --instances 3 --steps 100 --quiet --out ";
  ASSERT_EQ(run(command + "toy_host").code, 0);
  const Outcome o = run(command + "toy_card" + kDevice);
  ASSERT_EQ(o.code, 0) << o.errors;
  const json card = read_json("toy_card/result.json"), host = read_json("toy_host/result.json");
  EXPECT_EQ(card["environment"]["backend"], "vulkan");
  ASSERT_EQ(host["instances"].size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const double expected = host["instances"][i]["loss"];
    EXPECT_NEAR(card["instances"][i]["loss"].get<double>(), expected, 1e-4 * expected);
  }
}

TEST_F(VulkanProgram, WithoutLoaderDriverOrDeviceItSaysSoAndExits4) {
  // What the loader finds in place of the library is none.
  std::filesystem::create_directory(folder_ / "lib");
  for (const char* name : {"libvulkan.so", "libvulkan.so.1"})
    std::ofstream(folder_ / "lib" / name) << "no library";
  struct Want {
    std::string before, backend, message;
  };
  const std::string loader = "LD_LIBRARY_PATH='" + (folder_ / "lib").string() + "'",
                    nowhere = "VK_ICD_FILENAMES=/none";
  const std::string software = "VK_ICD_FILENAMES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
  for (const Want& want :
       {Want{loader, "vulkan", "libvulkan.so.1, cannot be opened"},
        Want{loader, "vulkan:llvmpipe", "libvulkan.so.1, cannot be opened"},
        Want{nowhere, "vulkan", "mesa-vulkan-drivers"},
        Want{nowhere, "vulkan:0", "no Vulkan driver is installed"},
        Want{software, "vulkan", "by name, for instance vulkan:llvmpipe"},
        Want{software, "vulkan:abacus", "no Vulkan device 'abacus'; there are: 0: llvmpipe"},
        Want{software, "vulkan:7", "no Vulkan device '7'"},
        Want{software, "vulcan", "there is no backend 'vulcan'"}}) {
    SCOPED_TRACE(want.before + " " + want.backend);
    const Outcome o =
        run("train --data store --latents 8 --k 2 --out c --backend " + want.backend, want.before);
    EXPECT_EQ(o.code, 4) << o.errors;
    EXPECT_NE(o.errors.find(want.message), std::string::npos) << o.errors;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "c"));
  }
  const Outcome o = run("backends", loader);
  EXPECT_EQ(o.code, 0);
  EXPECT_NE(o.output.find("libvulkan.so.1, cannot be opened"), std::string::npos) << o.output;
}

}  // namespace
}  // namespace polysem
