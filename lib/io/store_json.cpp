#include "lib/io/store_json.hpp"

#include "lib/io/convert.hpp"

namespace polysem::io {

namespace {

std::string text_or_empty(const JsonView& object, std::string_view key) {
  const auto value = object.find(key);
  return value ? value->string() : std::string();
}

std::int64_t count_or_zero(const JsonView& object, std::string_view key) {
  const auto value = object.find(key);
  return value ? value->integer(0) : 0;
}

}  // namespace

Json to_json(const StoreInfo& info) {
  return {{"schema", "polysem.store/1"},
          {"dim", info.dim},
          {"dtype", name(info.dtype)},
          {"site", info.site},
          {"model", {{"name", info.model_name}, {"sha256", info.model_sha256}}},
          {"text", {{"sources", info.text_sources}, {"sha256", info.text_sha256}}},
          {"context", info.context},
          {"dropped",
           {{"first", info.dropped_first},
            {"massive", info.dropped_massive},
            {"massive_limit", info.massive_limit}}},
          {"recipe", info.recipe.empty() ? Json::object() : parse_json(info.recipe, "recipe")}};
}

StoreInfo store_info(const JsonView& root) {
  if (const std::string schema = root.at("schema").string(); schema != "polysem.store/1")
    root.at("schema").fail("expected \"polysem.store/1\", found \"" + schema + "\"");
  StoreInfo info;
  info.dim = root.at("dim").integer(1, std::int64_t{1} << 31);
  const std::string dtype = root.at("dtype").string();
  const auto type = dtype_named(dtype);
  if (!type || (*type != DType::kF32 && *type != DType::kF16 && *type != DType::kBF16))
    root.at("dtype").fail("expected f32, f16 or bf16, found \"" + dtype + "\"");
  info.dtype = *type;
  info.site = text_or_empty(root, "site");
  if (const auto model = root.find("model")) {
    info.model_name = text_or_empty(*model, "name");
    info.model_sha256 = text_or_empty(*model, "sha256");
  }
  if (const auto text = root.find("text")) {
    info.text_sha256 = text_or_empty(*text, "sha256");
    if (const auto sources = text->find("sources"))
      for (const JsonView& source : sources->elements()) info.text_sources.push_back(source.string());
  }
  info.context = count_or_zero(root, "context");
  if (const auto dropped = root.find("dropped")) {
    info.dropped_first = count_or_zero(*dropped, "first");
    info.dropped_massive = count_or_zero(*dropped, "massive");
    if (const auto limit = dropped->find("massive_limit")) info.massive_limit = limit->number();
  }
  if (const auto recipe = root.find("recipe")) info.recipe = recipe->json().dump();
  return info;
}

Json to_json(const std::vector<ShardEntry>& shards) {
  Json list = Json::array();
  for (const ShardEntry& shard : shards)
    list.push_back({{"file", shard.file}, {"rows", shard.rows}, {"sha256", shard.sha256}});
  return list;
}

std::vector<ShardEntry> shard_entries(const JsonView& list) {
  std::vector<ShardEntry> shards;
  for (const JsonView& item : list.elements()) {
    ShardEntry shard{item.at("file").string(), item.at("sha256").string(),
                     item.at("rows").integer(1, std::int64_t{1} << 40)};
    // A shard lives in the store's own folder, whatever the file says.
    if (shard.file.empty() || shard.file.find('/') != std::string::npos || shard.file[0] == '.')
      item.at("file").fail("expected a plain file name, found \"" + shard.file + "\"");
    shards.push_back(std::move(shard));
  }
  return shards;
}

}  // namespace polysem::io
