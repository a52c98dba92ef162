#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/growing_histogram.hpp"
#include "polysem/random.hpp"

namespace polysem {

/// Consecutive rows of an activation store with their sparse codes, in host memory. Row r has the entries
/// [row_offsets[r], row_offsets[r + 1]), or [r k, (r + 1) k) where `row_offsets` is empty. Entries of value 0
/// are not active. Within a row a latent appears once.
struct CodedRows {
  std::span<const std::int32_t> tokens = {};     ///< [rows] token ids
  std::span<const std::int32_t> positions = {};  ///< [rows] place in the sequence the model saw
  std::span<const std::int32_t> documents = {};  ///< [rows] index of the document
  std::span<const std::int32_t> latents = {};
  std::span<const float> values = {};
  std::span<const std::int32_t> row_offsets = {};  ///< [rows + 1] or empty
  std::int64_t k = 0;
};

/// One token of a context: its id, and the latent's activation there. `kUnknownToken` stands where the store
/// has no row (a sequence's first position, massive activations).
struct ContextToken {
  static constexpr std::int32_t kUnknownToken = -1;
  std::int32_t token = kUnknownToken;
  float activation = 0.0f;
};

/// One firing of a latent with the tokens around it.
struct LatentFiring {
  float value = 0.0f;
  std::int64_t row = 0;       ///< counted over all rows added
  std::int32_t document = 0;  ///< index of the document
  std::uint32_t peak = 0;     ///< where in `tokens` this firing is
  std::vector<ContextToken> tokens;
  std::uint64_t sample_key = 0;  ///< random order of the samples
};

/// What was seen of one latent. Activations may be negative (AbsTopK); they rank and add up by magnitude.
struct LatentRecord {
  std::uint64_t firings = 0;
  double sum = 0.0;                   ///< of the magnitudes
  float max = 0.0f;                   ///< largest magnitude
  GrowingHistogram histogram;         ///< of the magnitudes
  std::vector<double> label_mass;     ///< magnitude by document label; empty while the latent never fired
  std::vector<LatentFiring> top;      ///< strongest first, at most one a sequence; ties: the earlier row
  std::vector<LatentFiring> samples;  ///< drawn evenly from all firings, strongest first
};

struct CollectorOptions {
  std::int64_t latents = 0;
  std::int64_t top = 12;      ///< strongest contexts kept for each latent
  std::int64_t samples = 12;  ///< random contexts kept for each latent
  std::int64_t before = 24;   ///< tokens of context before the firing
  std::int64_t after = 10;    ///< and after it
  std::uint64_t seed = 0;
};

/// Collects in one pass, for every latent, what a page about it shows: how often and how strongly it fires,
/// in documents of which label, its strongest contexts, and a random sample of all its firings.
///
/// Memory: at most about latents * (top + samples) * (before + 1 + after) * 8 bytes (8192 latents with the
/// defaults: 55 MB), plus one sequence of rows; the number of rows does not matter. The result depends on the
/// rows and their order only, not on how they are cut into batches.
class LatentCollector {
 public:
  /// `document_labels[d]` in [0, labels) is the label of document d, or -1 for none; documents beyond the
  /// array have none. Throws Error{kInvalidArgument} on numbers that make no sense.
  LatentCollector(const CollectorOptions& options, std::span<const std::int32_t> document_labels,
                  std::int64_t labels);

  /// Adds rows in the order of the store. A sequence ends where the document changes or the position does not
  /// increase. Throws Error{kInvalidArgument} if the arrays do not fit together, Error{kBadInput} on a latent
  /// out of range, a negative position or an activation that is not finite; the collector is then unusable.
  void add(const CodedRows& rows);
  /// Ends the last sequence and sorts. Call once, after the last add().
  void finish();

  /// [latents], complete after finish().
  const std::vector<LatentRecord>& records() const noexcept { return records_; }
  std::int64_t rows() const noexcept { return rows_; }
  /// Rows by document label.
  const std::vector<std::int64_t>& label_rows() const noexcept { return label_rows_; }

 private:
  struct Event {
    std::int32_t latent;
    std::int32_t place;  ///< index into sequence_
    float value;
  };
  struct Row {
    std::int32_t token;
    std::int32_t position;
  };

  bool starts_sequence(std::int32_t position, std::int32_t document) const noexcept;
  void end_sequence();
  void take_latent(std::span<const Event> events);
  LatentFiring make_firing(std::span<const Event> events, const Event& event) const;
  std::int32_t label_of(std::int32_t document) const noexcept;

  CollectorOptions options_;
  std::vector<std::int32_t> document_labels_;
  Random random_;
  std::vector<LatentRecord> records_;
  std::vector<std::int64_t> label_rows_;
  std::int64_t rows_ = 0;
  std::int32_t document_ = -1;
  std::vector<Row> sequence_;
  std::vector<Event> events_;
};

}  // namespace polysem
