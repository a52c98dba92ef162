// An activation store: store.json, documents.json, mean.safetensors and two shards, the last three as header
// and data; or progress.json of a capture that was cut off, in front of the same shards.
#include "polysem/store.hpp"

#include <numeric>

#include "polysem/error.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

namespace {

StoreInfo sample_info() {
  StoreInfo info;
  info.dim = 2;
  info.site = "blocks.1.hook_resid_post";
  info.model_name = "model";
  info.text_sources = {"text"};
  info.context = 4;
  info.recipe = R"({"command": "capture"})";
  return info;
}

void append_rows(StoreWriter& writer, std::int32_t first, std::int32_t count) {
  std::vector<RowLabel> labels;
  for (std::int32_t row = first; row < first + count; ++row) labels.push_back({row, row % 4, 0});
  std::vector<float> rows(labels.size() * 2);
  std::iota(rows.begin(), rows.end(), 0.0f);
  writer.append(rows, labels);
}

void read_store(const std::filesystem::path& folder) {
  const ActivationStore store(folder);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(store.rows()));
  std::iota(ids.begin(), ids.end(), 0);
  std::vector<float> rows(ids.size() * static_cast<std::size_t>(store.dim()));
  store.read(ids, rows);
  std::vector<RowLabel> labels(ids.size());
  store.read_labels(0, labels);
}

}  // namespace

void read_input(std::string_view bytes) {
  const auto& folder = scratch_folder();
  const auto parts = split(bytes, 8);
  for (const char* name : {"store.json", "progress.json"}) std::filesystem::remove(folder / name);
  const bool unfinished = parts[0].find("\"cursors\"") != std::string_view::npos;
  put(folder / (unfinished ? "progress.json" : "store.json"), parts[0]);
  put(folder / "documents.json", parts[1]);
  put(folder / "mean.safetensors", safetensors_of(parts[2], parts[3]));
  put(folder / "shard-00000.safetensors", safetensors_of(parts[4], parts[5]));
  put(folder / "shard-00001.safetensors", safetensors_of(parts[6], parts[7]));
  if (unfinished) {
    const StoreWriter writer(folder, sample_info());
    if (writer.shards() > 0 && writer.rows() <= 0) broken("shards that were taken up have rows");
  } else {
    read_store(folder);
  }
}

std::vector<std::string> seeds() {
  const auto folder = scratch_folder() / "seed";
  StoreWriter writer(folder, sample_info());
  append_rows(writer, 0, 3);
  writer.end_shard("3 3 0 0 1.5");
  append_rows(writer, 3, 2);
  writer.end_shard("5 5 0 0 1.5");
  const std::string progress = get(folder / "progress.json");
  writer.finish(sample_info(), std::vector<StoreDocument>{{"name", "source", "label"}});
  const auto file = [&](const char* name) { return std::string(kSeparator) + get(folder / name); };
  const auto tensors = [&](const char* name) {
    return std::string(kSeparator) + safetensors_parts(get(folder / name));
  };
  const std::string rest = file("documents.json") + tensors("mean.safetensors") +
                           tensors("shard-00000.safetensors") + tensors("shard-00001.safetensors");
  return {get(folder / "store.json") + rest, progress + rest};
}

}  // namespace polysem::fuzz
