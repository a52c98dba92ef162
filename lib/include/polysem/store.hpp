#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "polysem/dtype.hpp"
#include "polysem/row_source.hpp"
#include "polysem/safetensors.hpp"

namespace polysem {

/// Where rows of activations came from.
struct StoreDocument {
  std::string name, source, label;
};

/// What stands beside a row; -1 where it is not known.
struct RowLabel {
  std::int32_t token = -1;     ///< id in the model's vocabulary
  std::int32_t position = -1;  ///< in its context, from 0
  std::int32_t document = -1;  ///< index into documents
};

/// What a store says of itself (store.json).
struct StoreInfo {
  std::int64_t dim = 0;
  DType dtype = DType::kF32;  ///< f32, f16 or bf16
  std::string site, model_name, model_sha256;
  std::vector<std::string> text_sources;
  std::string text_sha256;
  std::int64_t context = 0;        ///< tokens a context; 0 where rows have none
  std::int64_t dropped_first = 0;  ///< rows at position 0 that were left out
  std::int64_t dropped_massive = 0;
  double massive_limit = 0;  ///< rows longer than this were left out; 0 for no limit
  std::string recipe;        ///< JSON text: the options that make this store again
};

/// Statistics over all rows, in double.
struct StoreStats {
  double mean_norm = 0;  ///< mean |x|
  double variance = 0;   ///< mean |x - mean|^2
  std::vector<float> mean;
};

/// A folder of activations, memory-mapped. Opening checks store.json and every shard's header; verify() also
/// reads all bytes. Errors are Error{kBadInput} with file and key.
class ActivationStore final : public RowSource {
 public:
  explicit ActivationStore(const std::filesystem::path& folder);

  std::int64_t rows() const override { return rows_; }
  std::int64_t dim() const override { return info_.dim; }
  std::uint64_t bytes() const override;
  std::string identity() const override { return identity_; }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override;
  /// Labels of rows [first, first + out.size()).
  void read_labels(std::int64_t first, std::span<RowLabel> out) const;

  const StoreInfo& info() const noexcept { return info_; }
  const StoreStats& stats() const noexcept { return stats_; }
  const std::vector<StoreDocument>& documents() const noexcept { return documents_; }
  std::size_t shards() const noexcept { return shards_.size(); }
  /// Names of shards whose bytes are no longer those that were written.
  std::vector<std::string> verify() const;

 private:
  struct Shard {
    std::string name, sha256;
    std::int64_t first = 0, rows = 0;
    std::unique_ptr<Safetensors> file;
    FileTensor x, token, position, document;  ///< the last three without bytes where they are absent
  };
  void open_shard(Shard& shard) const;
  const Shard& shard_of(std::int64_t row) const;

  std::filesystem::path folder_;
  StoreInfo info_;
  StoreStats stats_;
  std::vector<StoreDocument> documents_;
  std::vector<Shard> shards_;
  std::int64_t rows_ = 0;
  std::string identity_;
};

/// Writes a store, shard by shard. store.json comes last, so that a folder with one is complete. A folder in
/// which a writer was stopped is taken up where its last shard ended: shards() and cursor() tell where.
class StoreWriter {
 public:
  /// The folder is made with the first shard. Throws Error{kInvalidArgument} where it holds a finished store,
  /// or an unfinished one of another `info`, Error{kFailed} where it cannot be written.
  StoreWriter(std::filesystem::path folder, const StoreInfo& info);
  ~StoreWriter();

  /// Rows [labels.size(), dim] behind those before. Throws Error{kBadInput} for values that are not finite.
  void append(std::span<const float> rows, std::span<const RowLabel> labels);
  std::int64_t pending_rows() const noexcept;
  std::int64_t rows() const noexcept;  ///< in finished shards
  std::size_t shards() const noexcept;
  /// Writes the pending rows as one shard. `cursor` is kept for whoever continues from there.
  void end_shard(const std::string& cursor);
  /// What end_shard() was last told; "" at the beginning.
  const std::string& cursor() const noexcept;
  /// Forgets all shards after the first `count`, which a continuing caller cannot use.
  void keep_shards(std::size_t count);
  /// Writes pending rows, statistics, documents and store.json. `info` as far as it was not known before.
  void finish(const StoreInfo& info, std::span<const StoreDocument> documents);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace polysem
