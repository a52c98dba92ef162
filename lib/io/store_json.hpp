#pragma once

#include <string>
#include <vector>

#include "lib/io/json.hpp"
#include "polysem/store.hpp"

namespace polysem::io {

/// A shard as store.json lists it.
struct ShardEntry {
  std::string file, sha256;
  std::int64_t rows = 0;
};

constexpr const char* kStoreFile = "store.json";
constexpr const char* kProgressFile = "progress.json";
constexpr const char* kDocumentsFile = "documents.json";
constexpr const char* kMeanFile = "mean.safetensors";

Json to_json(const StoreInfo& info);
StoreInfo store_info(const JsonView& root);
Json to_json(const std::vector<ShardEntry>& shards);
std::vector<ShardEntry> shard_entries(const JsonView& list);

}  // namespace polysem::io
