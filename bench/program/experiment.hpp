#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/figures/figure.hpp"
#include "bench/program/command.hpp"
#include "bench/program/session.hpp"

namespace polysem::program {

struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// What a reproduced experiment leaves.
struct Outcome {
  nlohmann::json result = {};  ///< without schema, config and environment
  figures::Figure figure = {};
  std::vector<NamedTensor> weights = {};             ///< for weights.safetensors; none where empty
  std::vector<std::vector<std::string>> table = {};  ///< on standard output; the first row is the heading
  std::string text = {};                             ///< under the table
};

/// An experiment as the gallery shows it.
struct Experiment {
  const Command* command;
  std::string title;  ///< one line
  std::string text;   ///< what is to be seen, one paragraph
  Outcome (*run)(const Arguments& arguments, Session& session);
};

/// Runs an experiment as a command: prints the table, and writes result.json, weights.safetensors and
/// figure.svg into the folder --out where that is given. Ctrl-C ends it without files.
int run_experiment(const Arguments& arguments, const std::string& schema,
                   Outcome (*run)(const Arguments& arguments, Session& session));

/// Experiments train in f32 whatever the device has: another --precision is refused, not passed over.
void require_f32(const Arguments& arguments);

/// Writes the files of an experiment into a folder that exists.
void write_outcome(const std::string& folder, const Outcome& outcome, const nlohmann::json& result);
/// The complete result: schema, experiment, config, environment, seconds, and what the outcome says.
nlohmann::json complete_result(const Arguments& arguments, const Session& session, const std::string& schema,
                               const Outcome& outcome, double seconds);

}  // namespace polysem::program
