#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/program/program_fixture.hpp"

namespace polysem {

/// A short training run that is stopped, hurt and taken up again in every way, to be compared with one that
/// was left alone.
class DurableRun : public Program {
 protected:
  static constexpr const char* kNoFaults = "the program of a sanitizer takes no second library before itself";

  /// Makes the data.
  void SetUp() override {
    const std::string make = "data make superposed --features 24 --dim 8 --active 2 --quiet ";
    ASSERT_EQ(run(make + "--rows 1500 --out store").code, 0);
    ASSERT_EQ(run(make + "--rows 100 --seed 1 --out held").code, 0);
  }

  /// Latents die within the run, so that AuxK and its counters matter; the last steps log and save anyway.
  static std::string train(const std::string& recipe, int steps, const std::string& extra = "") {
    return "train --data store --recipe " + recipe + " --latents 32 --batch 32 --dead-window 200 --steps " +
           std::to_string(steps) +
           " --log-every 3 --checkpoint-every 8 --eval-every 10 --eval-data held --seed 3 --quiet --resume " +
           extra + " --out ";
  }

  /// What tests/faults is told to do to one run.
  static std::string fault(const std::string& what) {
#ifdef POLYSEM_FAULTS
    return "POLYSEM_FAULT=" + what + " LD_PRELOAD='" POLYSEM_FAULTS "'";
#else
    return what;
#endif
  }
  static bool have_faults() {
#ifdef POLYSEM_FAULTS
    return true;
#else
    return false;
#endif
  }
  static bool struck(const Outcome& o) { return o.errors.find("[fault]") != std::string::npos; }

  /// Every file of a run, without what tells the time or the folder.
  std::map<std::string, std::string> contents(const std::string& name) const {
    std::map<std::string, std::string> files;
    const auto root = folder_ / name;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file()) continue;
      const std::string file = std::filesystem::relative(entry.path(), root).string();
      std::string text = read_text(entry.path());
      if (file == "polysem.json") text = timeless(nlohmann::json::parse(text)["metrics"]);
      if (file == "metrics.jsonl") {
        std::istringstream lines(text);
        text.clear();
        for (std::string line; std::getline(lines, line);)
          text += timeless(nlohmann::json::parse(line)) + "\n";
      }
      files[file] = text;
    }
    return files;
  }

  void expect_same_run(const std::string& found, const std::string& expected) const {
    const auto a = contents(found), b = contents(expected);
    std::set<std::string> names;
    for (const auto* files : {&a, &b})
      for (const auto& [name, text] : *files) names.insert(name);
    for (const std::string& name : names) {
      EXPECT_EQ(a.count(name), b.count(name)) << name;
      if (a.count(name) == 0 || b.count(name) == 0) continue;
      const bool text = name.ends_with(".json") || name.ends_with(".jsonl");
      EXPECT_TRUE(a.at(name) == b.at(name))
          << name << " differs" << (text ? ":\n" + a.at(name) + b.at(name) : "");
    }
  }

  std::vector<std::string> temporaries(const std::string& name) const {
    std::vector<std::string> found;
    for (const auto& [file, text] : contents(name))
      if (file.ends_with(".tmp")) found.push_back(file);
    return found;
  }

  void copy(const std::string& from, const std::string& to) const {
    std::filesystem::remove_all(folder_ / to);
    std::filesystem::copy(folder_ / from, folder_ / to, std::filesystem::copy_options::recursive);
  }

 private:
  static std::string timeless(nlohmann::json line) {
    line.erase("samples_per_second");
    return line.dump();
  }
};

}  // namespace polysem
