#include "tests/conformance/adam_bounds.hpp"
#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

namespace {

std::string compare_adam(const Problem& problem, const std::vector<Values>& expected,
                         const std::vector<Values>& actual) {
  const auto& op = std::get<AdamUpdate>(problem.op());
  Values weight, m, v;
  for (std::size_t i = 0; i < expected[0].size(); ++i) {
    const double gradient = op.grad_scale * problem.values("gradient")[i];
    const AdamBounds bounds = adam_bounds(op.adam, problem.values("parameter")[i], problem.values("m")[i],
                                          problem.values("v")[i], gradient, 2 * kU * std::abs(gradient));
    weight.push_back(bounds.weight);
    m.push_back(bounds.m);
    v.push_back(bounds.v);
  }
  const auto compare = [&](std::string_view name, const Values& tolerance) {
    const std::size_t i = problem.position(name);
    return compare_within(name, expected[i], actual[i], tolerance);
  };
  return compare("parameter", weight) + compare("m", m) + compare("v", v);
}

Case adam(std::string detail, const AdamUpdate& op, Data gradient = Data::kNormal, bool pad = false) {
  const auto make = [=](std::uint64_t seed) {
    Problem p(op, seed);
    p.fill("gradient", gradient).fill("parameter", Data::kNormal);
    if (op.adam.step > 1) p.fill("m", Data::kNormal, 0.1).fill("v", Data::kPositive, 0.01);
    return pad ? p.pad() : p;
  };
  return {"adam_update_" + std::move(detail), make, compare_adam};
}

}  // namespace

std::vector<Case> adam_cases() {
  std::vector<Case> list;
  for (const auto& [rows, cols] : {std::pair{1, 1}, {1, 1000}, {33, 31}, {128, 65}, {0, 4}}) {
    const std::string shape = std::to_string(rows) + "x" + std::to_string(cols);
    list.push_back(adam(shape + "_first", {.rows = rows, .cols = cols}));
    list.push_back(adam(
        shape + "_later",
        {.rows = rows, .cols = cols, .grad_scale = 0.3f, .adam = {.weight_decay = 0.01f, .step = 1000}}));
  }
  const AdamUpdate op{.rows = 17,
                      .cols = 63,
                      .grad_scale = 2.0f,
                      .adam = {.rate = 0.05f, .beta1 = 0.0f, .beta2 = 0.99f, .step = 3}};
  list.push_back(adam("padded", op, Data::kNormal, true));
  list.push_back(adam("zero_gradient", op, Data::kZero));
  list.push_back(adam("integer_gradient", op, Data::kInteger));
  list.push_back(adam("long_run", {.rows = 3, .cols = 33, .adam = {.step = 1000000}}));
  return list;
}

}  // namespace polysem::conformance
