#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "lib/io/convert.hpp"
#include "lib/io/store_json.hpp"
#include "lib/io/store_shard.hpp"
#include "lib/io/system_call.hpp"
#include "polysem/error.hpp"
#include "polysem/store.hpp"

namespace polysem {

namespace {

std::string shard_name(std::size_t number) {
  char text[40];
  std::snprintf(text, sizeof text, "shard-%05zu.safetensors", number);
  return text;
}

/// The least length that rounds to infinity in this type.
float overflow_limit(DType type) {
  if (type == DType::kF16) return 65520.0f;
  return type == DType::kBF16 ? 0x1.ffp127f : std::numeric_limits<float>::infinity();
}

StoreStats statistics(const std::filesystem::path& folder, const std::vector<io::ShardEntry>& shards,
                      DType dtype, std::int64_t dim) {
  const auto width = static_cast<std::size_t>(dim);
  std::vector<double> origin, sum(width, 0.0);
  double norms = 0, squares = 0, rows = 0;
  for (const io::ShardEntry& shard : shards) {
    const Safetensors file(folder / shard.file);
    const FileTensor x = io::shard_rows(file, dtype, shard.rows, dim);
    const std::size_t row_bytes = width * size_of(x.dtype);
    std::vector<float> row(width);
    for (std::size_t start = 0; start < x.bytes.size(); start += row_bytes) {
      io::to_f32(x.dtype, x.bytes.subspan(start, row_bytes), row);
      if (origin.empty())
        origin.assign(row.begin(), row.end());  // sums about a row lose no digits to a large mean
      double length = 0;
      for (std::size_t d = 0; d < width; ++d) {
        const double centred = row[d] - origin[d];
        length += double{row[d]} * row[d];
        sum[d] += centred;
        squares += centred * centred;
      }
      norms += std::sqrt(length);
      rows += 1;
    }
  }
  StoreStats stats;
  double mean_squares = 0;
  for (std::size_t d = 0; d < width; ++d) {
    mean_squares += (sum[d] / rows) * (sum[d] / rows);
    stats.mean.push_back(static_cast<float>(origin[d] + sum[d] / rows));
  }
  stats.mean_norm = norms / rows;
  stats.variance = std::max(0.0, squares / rows - mean_squares);
  return stats;
}

}  // namespace

struct StoreWriter::Impl {
  std::filesystem::path folder;
  StoreInfo info;
  std::vector<io::ShardEntry> shards;
  std::vector<std::string> cursors;  // of each shard
  std::vector<float> pending;
  std::vector<RowLabel> labels;

  // What must agree for a capture to go on: everything but what is known only at its end.
  io::Json identity() const {
    StoreInfo fixed = info;
    fixed.text_sha256.clear();
    fixed.dropped_first = fixed.dropped_massive = 0;
    fixed.massive_limit = 0;
    // Through text, so that a name that is not UTF-8 compares equal to what the file made of it.
    return io::parse_json(io::format_json(io::to_json(fixed)), "store");
  }

  void take_up() {
    const auto file = folder / io::kProgressFile;
    if (!io::exists(file)) return;
    const io::Json json = io::read_json(file);
    const io::JsonView root(json, file.string());
    if (root.at("info").json() != identity())
      throw Error(ErrorCode::kInvalidArgument,
                  folder.string() +
                      " holds an unfinished capture with other options; give it another --out, or "
                      "remove the folder to start again");
    shards = io::shard_entries(root.at("shards"));
    for (const io::JsonView& cursor : root.at("cursors").elements()) cursors.push_back(cursor.string());
    if (cursors.size() != shards.size()) root.at("cursors").fail("expected one for each shard");
    std::size_t whole = 0;
    while (whole < shards.size() && sha256_of(whole) == shards[whole].sha256) ++whole;
    shards.resize(whole);
    cursors.resize(whole);
  }

  std::string sha256_of(std::size_t number) const {
    const auto file = folder / shards[number].file;
    return io::exists(file) ? sha256_file(file) : std::string();
  }

  void write_progress() const {
    io::write_json(folder / io::kProgressFile,
                   {{"info", identity()}, {"shards", io::to_json(shards)}, {"cursors", cursors}});
  }

  std::vector<std::int32_t> label_column(std::int32_t RowLabel::*member) const {
    std::vector<std::int32_t> column;
    column.reserve(labels.size());
    for (const RowLabel& label : labels) column.push_back(label.*member);
    return column;
  }

  void write_shard(const std::string& cursor) {
    io::make_folder(folder);
    const auto rows = static_cast<std::int64_t>(labels.size());
    const std::string file = shard_name(shards.size());
    const bool labelled = std::any_of(labels.begin(), labels.end(),
                                      [](const RowLabel& l) { return l.token >= 0 || l.document >= 0; });
    std::vector<TensorSpec> specs = {{"x", info.dtype, {rows, info.dim}}};
    if (labelled)
      for (const char* column : {"token", "position", "document"})
        specs.push_back({column, DType::kI32, {rows}});
    SafetensorsWriter writer(folder / file, specs);
    std::vector<std::byte> bytes(pending.size() * size_of(info.dtype));
    io::from_f32(pending, info.dtype, bytes);
    writer.write("x", bytes);
    if (labelled) {
      writer.write("token", std::span<const std::int32_t>(label_column(&RowLabel::token)));
      writer.write("position", std::span<const std::int32_t>(label_column(&RowLabel::position)));
      writer.write("document", std::span<const std::int32_t>(label_column(&RowLabel::document)));
    }
    writer.commit();
    shards.push_back({file, sha256_file(folder / file), rows});
    cursors.push_back(cursor);
    pending.clear();
    labels.clear();
    write_progress();
  }
};

StoreWriter::StoreWriter(std::filesystem::path folder, const StoreInfo& info)
    : impl_(std::make_unique<Impl>()) {
  if (info.dim < 1) throw Error(ErrorCode::kInvalidArgument, "StoreWriter: dim must be positive");
  if (info.dtype != DType::kF32 && info.dtype != DType::kF16 && info.dtype != DType::kBF16)
    throw Error(ErrorCode::kInvalidArgument, "StoreWriter: rows are kept as f32, f16 or bf16");
  if (io::exists(folder / io::kStoreFile))
    throw Error(ErrorCode::kInvalidArgument,
                folder.string() + " holds a finished store already; give another --out or remove it");
  io::require_folder(folder);  // made with the first shard: work that fails before leaves nothing behind
  impl_->folder = std::move(folder);
  impl_->info = info;
  impl_->take_up();
}

StoreWriter::~StoreWriter() = default;

void StoreWriter::append(std::span<const float> rows, std::span<const RowLabel> labels) {
  const auto dim = static_cast<std::size_t>(impl_->info.dim);
  const float limit = overflow_limit(impl_->info.dtype);
  if (rows.size() != labels.size() * dim)
    throw Error(ErrorCode::kInvalidArgument, "StoreWriter::append: rows and labels differ in number");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::abs(rows[i]) < limit) continue;  // false for NaN, too
    const auto row = this->rows() + pending_rows() + static_cast<std::int64_t>(i / dim);
    throw Error(ErrorCode::kBadInput,
                "row " + std::to_string(row) + ", dimension " + std::to_string(i % dim) +
                    (std::isfinite(rows[i])
                         ? " is too large for " + std::string(name(impl_->info.dtype)) + "; use f32"
                         : std::string(" is not finite")) +
                    "; rows written so far are kept");
  }
  impl_->pending.insert(impl_->pending.end(), rows.begin(), rows.end());
  impl_->labels.insert(impl_->labels.end(), labels.begin(), labels.end());
}

std::int64_t StoreWriter::pending_rows() const noexcept {
  return static_cast<std::int64_t>(impl_->labels.size());
}

std::int64_t StoreWriter::rows() const noexcept {
  std::int64_t rows = 0;
  for (const io::ShardEntry& shard : impl_->shards) rows += shard.rows;
  return rows;
}

std::size_t StoreWriter::shards() const noexcept { return impl_->shards.size(); }

const std::string& StoreWriter::cursor() const noexcept {
  static const std::string kStart;
  return impl_->cursors.empty() ? kStart : impl_->cursors.back();
}

void StoreWriter::end_shard(const std::string& cursor) {
  if (pending_rows() > 0) impl_->write_shard(cursor);
}

void StoreWriter::keep_shards(std::size_t count) {
  impl_->shards.resize(std::min(count, impl_->shards.size()));
  impl_->cursors.resize(impl_->shards.size());
}

void StoreWriter::finish(const StoreInfo& info, std::span<const StoreDocument> documents) {
  end_shard("end");
  Impl& w = *impl_;
  if (w.shards.empty())
    throw Error(ErrorCode::kFailed, w.folder.string() + ": there is not one row to store");
  io::Json list = io::Json::array();
  for (const StoreDocument& d : documents)
    list.push_back({{"name", d.name}, {"source", d.source}, {"label", d.label}});
  io::write_json(w.folder / io::kDocumentsFile, list);

  const StoreStats stats = statistics(w.folder, w.shards, w.info.dtype, w.info.dim);
  SafetensorsWriter mean(w.folder / io::kMeanFile, {{"mean", DType::kF32, {w.info.dim}}});
  mean.write("mean", std::span<const float>(stats.mean));
  mean.commit();

  io::Json root = io::to_json(info);
  root["rows"] = rows();
  root["shards"] = io::to_json(w.shards);
  root["stats"] = {{"mean_norm", stats.mean_norm}, {"variance", stats.variance}, {"mean", io::kMeanFile}};
  io::write_json(w.folder / io::kStoreFile, root);
  std::error_code ignored;
  std::filesystem::remove(w.folder / io::kProgressFile, ignored);
}

}  // namespace polysem
