// polysem backends: what can run here, and why the rest cannot.
#include <iostream>

#include "bench/program/command.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/backend.hpp"
#include "polysem/error.hpp"

namespace polysem::program {

namespace {

nlohmann::json describe(const BackendEntry& entry) {
  nlohmann::json row = {{"name", entry.name}, {"summary", entry.summary}};
  const Support support = entry.probe();
  row["available"] = support.ok;
  if (!support) {
    row["reason"] = support.reason;
    return row;
  }
  const auto backend = entry.create({});
  const BackendInfo& info = backend->info();
  row["device"] = info.device;
  row["driver"] = info.driver;
  row["features"] = info.features;
  row["threads"] = info.threads;
  row["memory_bytes"] = info.memory_bytes;
  row["precisions"] = nlohmann::json::array();
  for (const Precision p : info.precisions) row["precisions"].push_back(name(p));
  return row;
}

int run(const Arguments& arguments) {
  nlohmann::json rows = nlohmann::json::array();
  std::vector<std::vector<std::string>> cells = {{"backend", "device", "driver", "precisions", "features"}};
  for (const BackendEntry* entry : registered_backends()) {
    const auto row = describe(*entry);
    rows.push_back(row);
    if (!row["available"].get<bool>()) {
      cells.push_back({std::string(entry->name), "cannot run: " + row["reason"].get<std::string>()});
      continue;
    }
    std::string precisions;
    for (const auto& p : row["precisions"])
      precisions += (precisions.empty() ? "" : " ") + p.get<std::string>();
    cells.push_back({std::string(entry->name),
                     row["device"].get<std::string>() +
                         (row["threads"] > 0 ? ", " + row["threads"].dump() + " threads" : std::string()),
                     row["driver"], precisions, row["features"]});
  }
  std::cout << table(cells);
  write_json_result(arguments, {{"schema", "polysem.backends/1"}, {"backends", rows}});
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
          "The first that can run is the default of --backend.",
      .example = "polysem backends",
      .options = {},
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
