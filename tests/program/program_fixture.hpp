#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/io/temporary_folder.hpp"

namespace polysem {

struct Outcome {
  int code = -1;  ///< exit code, or 128 and the number of the signal, as a shell says it
  std::string output, errors;
};

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Runs the polysem program in a folder of its own.
class Program : public testing::Test {
 protected:
  /// `before` stands before the program in the shell's line: variables, or a command that starts it.
  Outcome run(const std::string& arguments, const std::string& before = "") const {
    const auto out = folder_ / "stdout.txt", err = folder_ / "stderr.txt";
    const std::string line = "cd '" + folder_.path().string() + "' && " + before +
                             " '" POLYSEM_BINARY_DIR "/bin/polysem' " + arguments + " >'" + out.string() +
                             "' 2>'" + err.string() + "'";
    const int status = std::system(line.c_str());
    const int code = WIFEXITED(status)     ? WEXITSTATUS(status)
                     : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                           : -1;
    return {code, read_text(out), read_text(err)};
  }

  void expect_failure(const std::string& arguments, int code, const std::string& part) const {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.code, code) << arguments << "\n" << o.errors;
    EXPECT_NE(o.errors.find(part), std::string::npos) << arguments << "\n" << o.errors;
  }

  nlohmann::json read_json(const std::string& file) const {
    return nlohmann::json::parse(read_text(folder_ / file));
  }

  void make_and_train(const std::string& extra = "") const {
    ASSERT_EQ(
        run("data make superposed --features 32 --dim 16 --active 2 --rows 3000 --out store --quiet").code,
        0);
    const Outcome o =
        run("train --data store --latents 64 --k 4 --batch 128 --steps 300 --log-every 50 --quiet --seed 3 "
            "--out coder --json train.json " +
            extra);
    ASSERT_EQ(o.code, 0) << o.errors;
  }

  test::TemporaryFolder folder_;
};

}  // namespace polysem
