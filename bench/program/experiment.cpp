#include "bench/program/experiment.hpp"

#include <chrono>
#include <filesystem>
#include <iostream>

#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"
#include "polysem/safetensors.hpp"

namespace polysem::program {

namespace {

void write_weights(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors) {
  std::vector<TensorSpec> specs;
  for (const NamedTensor& t : tensors) specs.push_back({t.name, DType::kF32, t.shape});
  SafetensorsWriter writer(file, specs);
  for (const NamedTensor& t : tensors) writer.write(t.name, std::span<const float>(t.values));
  writer.commit();
}

// Says at once what would stop the writing of files after long work.
void prepare_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kFailed, folder + ": cannot make this folder: " + error.message());
  require_writable(std::filesystem::path(folder) / "result.json");
}

}  // namespace

nlohmann::json complete_result(const Arguments& arguments, const Session& session, const std::string& schema,
                               const Outcome& outcome, double seconds) {
  nlohmann::json result = outcome.result;
  const std::string_view command = arguments.command().name;
  result["schema"] = schema;
  result["experiment"] = command.substr(command.find(' ') + 1);
  result["config"] = arguments.effective();
  result["environment"] = session.environment();
  result["seconds"] = seconds;
  return result;
}

void require_f32(const Arguments& arguments) {
  if (arguments.text("precision") != "f32")
    arguments.refuse("precision", "polysem toy and polysem incidental compute in f32 only, found '" +
                                      arguments.text("precision") + "'");
}

void write_outcome(const std::string& folder, const Outcome& outcome, const nlohmann::json& result) {
  const std::filesystem::path path(folder);
  if (!outcome.weights.empty()) write_weights(path / "weights.safetensors", outcome.weights);
  if (!outcome.figure.panels.empty())
    write_file_atomic(path / "figure.svg", std::string_view(figures::to_svg(outcome.figure)));
  write_file_atomic(path / "result.json", std::string_view(to_text(result, 2) + "\n"));
}

int run_experiment(const Arguments& arguments, const std::string& schema,
                   Outcome (*run)(const Arguments& arguments, Session& session)) {
  if (!arguments.positional().empty())
    throw UsageError("polysem " + std::string(arguments.command().name) + " takes options only; found '" +
                     arguments.positional().front() + "'");
  arguments.integer("seed", 0, std::int64_t{1} << 53);  // also where nothing is random
  require_f32(arguments);
  const std::string folder = arguments.given("out") ? arguments.text("out") : "";
  if (arguments.given("out") && folder.empty()) arguments.refuse("out", "expected a folder, found nothing");
  if (!folder.empty()) prepare_folder(folder);
  Session session(arguments);
  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = run(arguments, session);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const nlohmann::json result = complete_result(arguments, session, schema, outcome, seconds);
  std::cout << table(outcome.table) << outcome.text;
  if (!folder.empty()) {
    write_outcome(folder, outcome, result);
    std::cout << "written to " << folder << ": result.json"
              << (outcome.weights.empty() ? "" : ", weights.safetensors")
              << (outcome.figure.panels.empty() ? "" : ", figure.svg") << "\n";
  }
  write_json_result(arguments, result);
  return kDone;
}

}  // namespace polysem::program
