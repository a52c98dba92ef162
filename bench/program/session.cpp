#include "bench/program/session.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"
#include "polysem/version.h"

namespace polysem::program {

namespace {

std::string names_of(std::span<const Precision> precisions) {
  std::string list;
  for (const Precision p : precisions) list += (list.empty() ? "" : ", ") + std::string(name(p));
  return list;
}

Precision chosen_precision(const Arguments& arguments) {
  std::vector<std::string> names;
  for (const Precision p : kPrecisions) names.emplace_back(name(p));
  return *precision_of(arguments.choice("precision", names));
}

}  // namespace

Session::Session(const Arguments& arguments) : precision_(chosen_precision(arguments)) {
  const auto threads = static_cast<int>(arguments.integer("threads", 0, 1024));
  backend_ = open_backend(arguments.has("backend") ? arguments.text("backend") : "", threads);
  const auto& has = backend_->info().precisions;
  if (std::find(has.begin(), has.end(), precision_) == has.end())
    throw Error(ErrorCode::kBackendUnavailable,
                "backend " + backend_->info().name + " has no --precision " + std::string(name(precision_)) +
                    ", it has " + names_of(has) + "; polysem backends lists what the others have");
  if (arguments.flag("fallback") && backend_->info().name != "reference")
    fallback_ = open_backend("reference");
  executor_ = std::make_unique<Executor>(*backend_, fallback_.get());
}

nlohmann::json Session::environment() const {
  const BackendInfo& info = backend_->info();
  nlohmann::json fallbacks = nlohmann::json::object();
  for (const auto& [op, count] : executor_->fallbacks()) fallbacks[op] = count;
  return {{"polysem", polysem_version()},  {"backend", info.name},      {"device", info.device},
          {"driver", info.driver},         {"features", info.features}, {"threads", info.threads},
          {"precision", name(precision_)}, {"fallbacks", fallbacks}};
}

std::string Session::summary() const {
  const BackendInfo& info = backend_->info();
  return info.name + " on " + info.device +
         (info.threads > 0 ? ", " + counted(info.threads, "thread") : std::string()) + ", " +
         std::string(name(precision_));
}

std::string to_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void write_json_result(const Arguments& arguments, nlohmann::json result) {
  if (!arguments.has("json")) return;
  if (!result.contains("config")) result["config"] = arguments.effective();
  write_file_atomic(arguments.text("json"), std::string_view(to_text(result, 2) + "\n"));
}

void write_only_result(const Arguments& arguments, nlohmann::json result) {
  if (!result.contains("config")) result["config"] = arguments.effective();
  if (arguments.given("out"))
    write_file_atomic(arguments.text("out"), std::string_view(to_text(result, 2) + "\n"));
  write_json_result(arguments, std::move(result));
}

void expect_not_input(const std::filesystem::path& out, const std::vector<std::filesystem::path>& inputs) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(out, error)) return;
  for (const std::filesystem::path& in : inputs)
    if (std::filesystem::equivalent(out, in, error))
      throw UsageError(out.string() +
                       " is read by this command and would be written over; name another file");
}

void expect_result_writable(const Arguments& arguments) {
  if (arguments.given("out")) require_writable(arguments.text("out"));
}

}  // namespace polysem::program
