#include <algorithm>

#include "lib/io/convert.hpp"
#include "lib/io/store_json.hpp"
#include "lib/io/store_shard.hpp"
#include "lib/io/system_call.hpp"
#include "polysem/error.hpp"
#include "polysem/store.hpp"

namespace polysem {

namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(ErrorCode::kBadInput, file.string() + ": " + what);
}

std::vector<StoreDocument> read_documents(const std::filesystem::path& file) {
  std::vector<StoreDocument> documents;
  if (!io::exists(file)) return documents;
  const io::Json json = io::read_json(file, {.bytes = std::uint64_t{1} << 30});
  for (const io::JsonView& item : io::JsonView(json, file.string()).elements()) {
    const auto text = [&](std::string_view key) {
      const auto value = item.find(key);
      return value ? value->string() : std::string();
    };
    documents.push_back({text("name"), text("source"), text("label")});
  }
  return documents;
}

std::int32_t element(const FileTensor& tensor, std::int64_t index) {
  if (tensor.bytes.empty()) return -1;
  std::int64_t value = 0;
  io::to_i64(DType::kI32, tensor.bytes.subspan(static_cast<std::size_t>(index) * 4, 4), std::span(&value, 1));
  return static_cast<std::int32_t>(value);
}

/// Why a folder without store.json is no store, and where there may be some: a capture of several sites makes
/// one folder each.
std::string no_store(const std::filesystem::path& folder) {
  if (io::exists(folder / io::kProgressFile))
    return "this capture was not finished; the same polysem capture command continues it";
  std::vector<std::string> inside;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::end(entry); entry.increment(error))
    if (io::exists(entry->path() / io::kStoreFile))
      inside.push_back((folder / entry->path().filename()).string());
  std::sort(inside.begin(), inside.end());
  std::string list;
  for (const std::string& store : inside) list += (list.empty() ? "" : ", ") + store;
  return std::string("is no activation store: it has no ") + io::kStoreFile +
         (list.empty() ? "" : "; it holds these: " + list);
}

}  // namespace

ActivationStore::ActivationStore(const std::filesystem::path& folder) : folder_(folder) {
  const auto file = folder / io::kStoreFile;
  if (!io::exists(file)) refuse(folder, no_store(folder));
  const io::Json json = io::read_json(file);
  const io::JsonView root(json, file.string());
  info_ = io::store_info(root);
  std::string hashes;
  for (const io::ShardEntry& entry : io::shard_entries(root.at("shards"))) {
    Shard shard;
    shard.name = entry.file;
    shard.sha256 = entry.sha256;
    shard.first = rows_;
    shard.rows = entry.rows;
    open_shard(shard);
    rows_ += shard.rows;
    hashes += shard.sha256;
    shards_.push_back(std::move(shard));
  }
  if (const std::int64_t rows = root.at("rows").integer(1); rows != rows_)
    root.at("rows").fail("the shards hold " + std::to_string(rows_) + " rows, found " + std::to_string(rows));
  identity_ = sha256_hex(std::as_bytes(std::span(hashes)));
  documents_ = read_documents(folder / io::kDocumentsFile);
  if (const auto stats = root.find("stats")) {
    stats_.mean_norm = stats->at("mean_norm").number();
    stats_.variance = stats->at("variance").number();
    const std::int64_t shape[] = {info_.dim};
    stats_.mean = Safetensors(folder / io::kMeanFile).read_f32("mean", shape);
  }
}

void ActivationStore::open_shard(Shard& shard) const {
  shard.file = std::make_unique<Safetensors>(folder_ / shard.name);
  shard.x = io::shard_rows(*shard.file, info_.dtype, shard.rows, info_.dim);
  shard.token = io::shard_column(*shard.file, "token", shard.rows);
  shard.position = io::shard_column(*shard.file, "position", shard.rows);
  shard.document = io::shard_column(*shard.file, "document", shard.rows);
}

std::uint64_t ActivationStore::bytes() const {
  return static_cast<std::uint64_t>(rows_) * static_cast<std::uint64_t>(info_.dim) * size_of(info_.dtype);
}

const ActivationStore::Shard& ActivationStore::shard_of(std::int64_t row) const {
  if (row < 0 || row >= rows_)
    throw Error(ErrorCode::kInvalidArgument, folder_.string() + ": row " + std::to_string(row) + " of " +
                                                 std::to_string(rows_) + " was asked for");
  const auto after = std::upper_bound(shards_.begin(), shards_.end(), row,
                                      [](std::int64_t r, const Shard& shard) { return r < shard.first; });
  return *std::prev(after);
}

void ActivationStore::read(std::span<const std::int64_t> ids, std::span<float> out) const {
  const auto dim = static_cast<std::size_t>(info_.dim);
  const std::size_t row_bytes = dim * size_of(info_.dtype);
  if (out.size() != ids.size() * dim)
    throw Error(ErrorCode::kInvalidArgument,
                "ActivationStore::read: the output has another size than the rows");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Shard& shard = shard_of(ids[i]);
    const auto place = static_cast<std::size_t>(ids[i] - shard.first) * row_bytes;
    io::to_f32(info_.dtype, shard.x.bytes.subspan(place, row_bytes), out.subspan(i * dim, dim));
  }
}

void ActivationStore::read_labels(std::int64_t first, std::span<RowLabel> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t row = first + static_cast<std::int64_t>(i);
    const Shard& shard = shard_of(row);
    const std::int64_t place = row - shard.first;
    out[i] = {element(shard.token, place), element(shard.position, place), element(shard.document, place)};
    if (out[i].document >= static_cast<std::int32_t>(documents_.size()) || out[i].document < -1)
      refuse(shard.file->path(), "row " + std::to_string(place) + ": document " +
                                     std::to_string(out[i].document) + " is not in documents.json");
  }
}

std::vector<std::string> ActivationStore::verify() const {
  std::vector<std::string> changed;
  for (const Shard& shard : shards_)
    if (sha256_file(folder_ / shard.name) != shard.sha256) changed.push_back(shard.name);
  return changed;
}

}  // namespace polysem
