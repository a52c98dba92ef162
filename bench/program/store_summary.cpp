#include "bench/program/store_summary.hpp"

#include <map>

#include "bench/program/terminal.hpp"

namespace polysem::program {

namespace {

/// Documents by label.
std::map<std::string, std::int64_t> labels_of(const ActivationStore& store) {
  std::map<std::string, std::int64_t> counts;
  for (const StoreDocument& document : store.documents()) ++counts[document.label];
  return counts;
}

}  // namespace

std::string store_table(const ActivationStore& store) {
  const StoreInfo& info = store.info();
  std::vector<std::vector<std::string>> rows = {
      {"rows", with_commas(store.rows())},
      {"dimensions", std::to_string(info.dim)},
      {"type", std::string(name(info.dtype)) + ", " +
                   counted(static_cast<std::int64_t>(store.shards()), "shard") + ", " +
                   with_commas(static_cast<std::int64_t>(store.bytes() >> 20)) + " MiB"},
  };
  if (!info.model_name.empty()) rows.push_back({"model", info.model_name});
  if (!info.site.empty()) rows.push_back({"site", info.site});
  if (info.context > 0) rows.push_back({"context", std::to_string(info.context) + " tokens"});
  for (const std::string& source : info.text_sources) rows.push_back({"text", source});
  if (info.context > 0)
    rows.push_back({"dropped", with_commas(info.dropped_first) + " at position 0, " +
                                   with_commas(info.dropped_massive) + " massive"});
  rows.push_back({"mean length", significant(store.stats().mean_norm)});
  rows.push_back({"variance", significant(store.stats().variance)});
  for (const auto& [label, count] : labels_of(store))
    rows.push_back({"documents", with_commas(count) + (label.empty() ? "" : " of " + label)});
  return table(rows);
}

nlohmann::json store_json(const std::string& path, const ActivationStore& store) {
  const StoreInfo& info = store.info();
  return {{"schema", "polysem.store_info/1"},
          {"path", path},
          {"identity", store.identity()},
          {"rows", store.rows()},
          {"dim", info.dim},
          {"dtype", name(info.dtype)},
          {"shards", store.shards()},
          {"model", {{"name", info.model_name}, {"sha256", info.model_sha256}}},
          {"site", info.site},
          {"text", {{"sources", info.text_sources}, {"sha256", info.text_sha256}}},
          {"context", info.context},
          {"dropped",
           {{"first", info.dropped_first},
            {"massive", info.dropped_massive},
            {"massive_limit", info.massive_limit}}},
          {"stats", {{"mean_norm", store.stats().mean_norm}, {"variance", store.stats().variance}}},
          {"documents", labels_of(store)}};
}

}  // namespace polysem::program
