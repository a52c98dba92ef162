// Every op on every backend of this build against the reference backend.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>

#include "polysem/backend.hpp"
#include "tests/conformance/backends.hpp"
#include "tests/conformance/cases.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {
namespace {

struct Param {
  std::string backend;
  const Case* test;
};

// What GoogleTest prints of a parameter.
void PrintTo(const Param& param, std::ostream* out) { *out << param.backend << ' ' << param.test->name; }

// Settings that make a device smaller than it is: then it may refuse what it could do.
bool limited() {
  return std::getenv("POLYSEM_VK_MAX_RANGE") != nullptr || std::getenv("POLYSEM_VK_MAX_ALLOC") != nullptr;
}

// Whether the backend takes any case of the op. It then has to take all.
bool has_op(const std::string& backend, const Op& op) {
  for (const Case& test : all_cases()) {
    if (!test.name.starts_with(name(op))) continue;
    const Problem problem = test.make(hash(test.name));
    if (problem.op().index() == op.index() && opened(backend).supports(problem.op(), types_of(problem)))
      return true;
  }
  return false;
}

std::vector<Param> all_params() {
  std::vector<Param> list;
  for (const std::string& backend : backend_names())
    for (const Case& test : all_cases()) list.push_back({backend, &test});
  return list;
}

class Conformance : public testing::TestWithParam<Param> {
 protected:
  // Leaves the problem empty and skips the test where the backend cannot run.
  void SetUp() override {
    const auto& [name, test] = GetParam();
    if (const Support support = can_run(name); !support) GTEST_SKIP() << support.reason;
    problem_ = std::make_unique<Problem>(test->make(hash(test->name)));
    const Support support = opened(name).supports(problem_->op(), types_of(*problem_));
    if (support) return;
    if (lacks_precision(opened(name), *problem_))
      GTEST_SKIP() << name << " has not got this: " << support.reason;
    ASSERT_FALSE(has_op(name, problem_->op()) && !limited())
        << name << " has " << polysem::name(problem_->op())
        << " and does not support this: " << support.reason;
    GTEST_SKIP() << name << " does not support this: " << support.reason;
  }

  void TearDown() override {
    if (!HasFailure() || !problem_) return;
    std::cout << "  op: " << to_string(problem_->op()) << "\n";
  }

  std::unique_ptr<Problem> problem_;
};

TEST_P(Conformance, MatchesTheReference) {
  const auto& [name, test] = GetParam();
  const auto expected = reference_values(*problem_, test->exact);
  for (const bool frozen_inputs : {false, true}) {
    if (frozen_inputs && name == "reference") continue;  // keeps no copies of memory
    const Outcome outcome = run_problem(opened(name), *problem_, frozen_inputs);
    const char* note = frozen_inputs ? "with rarely written inputs" : "";
    EXPECT_EQ(outcome.damage, "") << note;
    EXPECT_EQ(test->compare(*problem_, expected, outcome.values), "") << note;
  }
}

TEST_P(Conformance, GivesTheSameBits) {
  const std::string& name = GetParam().backend;
  Backend& with_two = opened(name, 2);
  const Outcome first = run_problem(with_two, *problem_);
  for (const int threads : {2, 1, 3, 4}) {
    Backend& backend = opened(name, threads);
    if (threads != 2 && !runs_otherwise(backend, with_two)) continue;
    EXPECT_TRUE(run_problem(backend, *problem_).memory == first.memory)
        << "a second run with " << threads << " threads differs from the first with 2";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Conformance, testing::ValuesIn(all_params()), [](const auto& given) {
  return plain_name(given.param.backend) + "_" + given.param.test->name;
});

template <std::size_t... I>
std::set<std::string> op_names(std::index_sequence<I...>) {
  return {std::string(std::variant_alternative_t<I, Op>::kName)...};
}

TEST(ConformanceTable, CoversEveryOp) {
  std::set<std::string> missing = op_names(std::make_index_sequence<std::variant_size_v<Op>>());
  for (const Case& test : all_cases()) missing.erase(std::string(name(test.make(1).op())));
  EXPECT_TRUE(missing.empty()) << "no case for " << *missing.begin();
}

TEST(ConformanceTable, NamesAreUniqueAndStartWithTheOp) {
  std::set<std::string> seen;
  for (const Case& test : all_cases()) {
    EXPECT_TRUE(seen.insert(test.name).second) << test.name << " occurs twice";
    EXPECT_TRUE(test.name.starts_with(name(test.make(1).op()))) << test.name;
    for (const char c : test.name) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '_');
  }
}

}  // namespace
}  // namespace polysem::conformance
