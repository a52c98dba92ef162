// polysem-backend-test: one program that tells of a backend whether it computes the right thing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "polysem/error.hpp"
#include "tests/conformance/backends.hpp"
#include "tests/conformance/modes.hpp"

namespace polysem::conformance {
namespace {

// Tests of mode grad, and cases of the ops that make gradients or use them.
constexpr const char* kGradients =
    "*Gradients.*:*FusedUpdate.*:*ThresholdGrad*:*_sparse_grad_values_*:*_threshold_grad_*:*_latent_grad_*:"
    "*_latent_update_*:*_project_rows_*";

/// After each failure the line that runs it again, with the settings of the environment that it ran under.
class Rerun final : public testing::EmptyTestEventListener {
 public:
  explicit Rerun(std::string program) : program_(std::move(program)) {}

  void OnTestEnd(const testing::TestInfo& test) override {
    if (!test.result()->Failed()) return;
    std::string line;
    for (char** variable = environ; *variable != nullptr; ++variable)
      if (std::string_view(*variable).starts_with("POLYSEM_VK_")) line += std::string(*variable) + " ";
    line += program_ + " --device ";
    for (const std::string& name : backend_names())
      line += name + (&name == &backend_names().back() ? "" : ",");
    std::cout << "  re-run: " << line << " --filter '" << test.test_suite_name() << '.' << test.name() << "'"
              << std::endl;
  }

 private:
  std::string program_;
};

// GoogleTest has one filter; two that both have to fit become the list of what fits them.
std::string chosen_tests(const CommandLine& line) {
  std::string names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const testing::TestSuite& suite = *all.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const std::string name = std::string(suite.name()) + "." + suite.GetTestInfo(t)->name();
      if (line.mode == "grad" && !matches(kGradients, name)) continue;
      if (matches(line.filter, name)) names += (names.empty() ? "" : ":") + name;
    }
  }
  return names;
}

int run_tests(const CommandLine& line, char* program) {
  std::vector<char*> arguments = {program};
  std::vector<std::string> others = line.others;
  for (std::string& other : others) arguments.push_back(other.data());
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  testing::InitGoogleTest(&count, arguments.data());
  if (line.mode == "grad" || !line.filter.empty()) {
    const std::string names = chosen_tests(line);
    if (names.empty()) throw std::invalid_argument("no test fits --filter " + line.filter);
    GTEST_FLAG_SET(filter, names);
  }
  testing::UnitTest::GetInstance()->listeners().Append(new Rerun(program));
  return RUN_ALL_TESTS();
}

int run(const CommandLine& line, char* program) {
  for (const std::string& name : line.devices) {
    if (const Support support = can_run(name); !support) {
      std::cerr << "polysem-backend-test: " << support.reason << "\n";
      return 4;
    }
  }
  if (!line.devices.empty()) choose_backends(line.devices);
  if (!line.json.empty() && !std::ofstream(line.json, std::ios::app))  // before minutes of measuring
    throw std::runtime_error("cannot write " + line.json);
  if (line.mode == "support") return show_support(line);
  if (line.mode == "perf") return measure(line);
  return run_tests(line, program);
}

}  // namespace
}  // namespace polysem::conformance

int main(int argc, char** argv) {
  using namespace polysem::conformance;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--help") continue;
    std::cout << usage();
    return 0;
  }
  int code = 1;
  try {
    code = run(read_command_line(argc, argv), argv[0]);
  } catch (const std::invalid_argument& error) {
    std::cerr << "polysem-backend-test: " << error.what() << "\n" << usage();
    code = 2;
  } catch (const std::exception& error) {
    std::cerr << "polysem-backend-test: " << error.what() << "\n";
  }
  close_backends();
  return code;
}
