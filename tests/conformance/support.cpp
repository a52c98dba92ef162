// Mode support of polysem-backend-test: which ops a backend has.
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/conformance/backends.hpp"
#include "tests/conformance/cases.hpp"
#include "tests/conformance/modes.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

struct Count {
  int cases = 0, supported = 0;
};

/// What a backend says to all cases of one op.
struct OpSupport {
  Count all;
  std::map<DType, Count> by_type;  // cases with an operand of that floating-point type
  std::set<std::string> reasons;   // for refusals
};

bool has_operand_of(const Problem& problem, DType type) {
  for (const Operand& o : problem.operands())
    if (o.present && o.dtype == type) return true;
  return false;
}

void add(Count& count, bool supported) { ++count.cases, count.supported += supported; }

std::map<std::string, OpSupport> support_of(const Backend& backend, const std::string& filter) {
  std::map<std::string, OpSupport> ops;
  for (const Case& test : all_cases()) {
    const Problem problem = test.make(hash(test.name));
    const std::string op(name(problem.op()));
    if (!matches(filter, op)) continue;
    if (lacks_precision(backend, problem)) continue;
    const Support support = backend.supports(problem.op(), types_of(problem));
    add(ops[op].all, support.ok);
    for (const DType type : {DType::kF32, DType::kBF16, DType::kF16})
      if (has_operand_of(problem, type)) add(ops[op].by_type[type], support.ok);
    if (!support) ops[op].reasons.insert(support.reason);
  }
  return ops;
}

// The types of which every case is taken, or "no".
std::string types_text(const OpSupport& op) {
  std::string text;
  for (const auto& [type, count] : op.by_type)
    if (count.supported == count.cases) text += (text.empty() ? "" : " ") + std::string(name(type));
  if (op.by_type.empty() && op.all.supported == op.all.cases) text = "yes";
  return text.empty() ? "no" : text;
}

nlohmann::json to_json(const std::map<std::string, OpSupport>& ops) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [op, support] : ops) {
    nlohmann::json types = nlohmann::json::object();
    for (const auto& [type, count] : support.by_type)
      types[std::string(name(type))] = count.supported == count.cases;
    rows.push_back({{"op", op},
                    {"cases", support.all.cases},
                    {"supported", support.all.supported},
                    {"types", types},
                    {"reasons", support.reasons}});
  }
  return rows;
}

}  // namespace

int show_support(const CommandLine& line) {
  nlohmann::json result = {{"schema", "polysem.support/1"}, {"backends", nlohmann::json::array()}};
  bool whole = true;
  for (const std::string& name : backend_names()) {
    if (const Support support = can_run(name); !support) {
      std::cout << name << " cannot run: " << support.reason << "\n\n";
      result["backends"].push_back({{"name", name}, {"available", false}, {"reason", support.reason}});
      continue;
    }
    const BackendInfo& info = opened(name).info();
    const auto ops = support_of(opened(name), line.filter);
    if (ops.empty()) throw std::invalid_argument("no op fits --filter " + line.filter);
    std::cout << name << ": " << info.device << ", " << info.driver << "\n  products in";
    for (const Precision precision : info.precisions) std::cout << " " << polysem::name(precision);
    std::cout << "; " << info.features << "\n";
    for (const auto& [op, support] : ops) {
      std::cout << "  " << std::left << std::setw(20) << op << std::setw(10) << types_text(support)
                << std::right << std::setw(4) << support.all.supported << " of " << std::setw(3)
                << support.all.cases << " cases";
      for (const std::string& reason : support.reasons) std::cout << "  " << reason;
      const bool partly = support.all.supported > 0 && support.all.supported < support.all.cases;
      std::cout << (partly ? "  FAILED: only a part" : "") << "\n";
      whole = whole && !partly;
    }
    std::cout << "\n";
    result["backends"].push_back({{"name", name},
                                  {"available", true},
                                  {"device", info.device},
                                  {"driver", info.driver},
                                  {"ops", to_json(ops)}});
  }
  if (!line.json.empty() && !(std::ofstream(line.json) << result.dump(2) << "\n"))
    throw std::runtime_error("cannot write " + line.json);
  return whole ? 0 : 1;
}

}  // namespace polysem::conformance
