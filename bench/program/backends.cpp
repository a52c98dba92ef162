// polysem backends: what can run here, and why the rest cannot.
#include <iostream>

#include "bench/program/command.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/backend.hpp"
#include "polysem/error.hpp"

namespace polysem::program {

namespace {

nlohmann::json describe(const std::string& name, std::string_view summary) {
  nlohmann::json row = {{"name", name}, {"summary", summary}};
  std::unique_ptr<Backend> backend;
  try {
    backend = open_backend(name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBackendUnavailable) throw;
    row["available"] = false;
    row["reason"] = error.what();
    return row;
  }
  const BackendInfo& info = backend->info();
  row["available"] = true;
  row["device"] = info.device;
  row["driver"] = info.driver;
  row["features"] = info.features;
  row["threads"] = info.threads;
  row["memory_bytes"] = info.memory_bytes;
  row["precisions"] = nlohmann::json::array();
  for (const Precision p : info.precisions) row["precisions"].push_back(polysem::name(p));
  return row;
}

// A row for each device where a backend may have several.
std::vector<nlohmann::json> describe(const BackendEntry& entry) {
  const std::size_t devices = entry.devices != nullptr ? entry.devices().size() : 0;
  if (devices == 0) return {describe(std::string(entry.name), entry.summary)};
  std::vector<nlohmann::json> rows;
  for (std::size_t i = 0; i < devices; ++i)
    rows.push_back(describe(std::string(entry.name) + ":" + std::to_string(i), entry.summary));
  return rows;
}

int run(const Arguments& arguments) {
  if (!arguments.positional().empty())
    throw UsageError("polysem backends takes options only; found '" + arguments.positional().front() + "'");
  nlohmann::json rows = nlohmann::json::array();
  std::vector<std::vector<std::string>> cells = {{"backend", "device", "driver", "precisions", "features"}};
  for (const BackendEntry* entry : registered_backends()) {
    for (const nlohmann::json& row : describe(*entry)) {
      rows.push_back(row);
      if (!row["available"].get<bool>()) {
        cells.push_back({row["name"], "cannot run: " + row["reason"].get<std::string>()});
        continue;
      }
      std::string precisions;
      for (const auto& p : row["precisions"])
        precisions += (precisions.empty() ? "" : " ") + p.get<std::string>();
      cells.push_back({row["name"],
                       row["device"].get<std::string>() +
                           (row["threads"] > 0 ? ", " + counted(row["threads"].get<std::int64_t>(), "thread")
                                               : std::string()),
                       row["driver"], precisions, row["features"]});
    }
  }
  std::cout << table(cells);
  write_only_result(arguments, {{"schema", "polysem.backends/1"}, {"backends", rows}});
  return kDone;
}

}  // namespace

const Command& backends_command() {
  static const Command command = {
      .name = "backends",
      .summary = "list what this machine can compute on",
      .positional = "",
      .details =
          "Every backend of this build with its device, library and precisions, or the reason why it cannot "
          "run.\n"
          "Devices in software run only when named, for instance vulkan:llvmpipe. "
          "The first that can run is the default of --backend.",
      .example = "polysem backends",
      .options = {},
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
