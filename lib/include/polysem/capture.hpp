#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "polysem/context_stream.hpp"
#include "polysem/language_model.hpp"
#include "polysem/store.hpp"

namespace polysem {

struct CaptureOptions {
  std::vector<Site> sites;
  std::int64_t tokens = 100'000;  ///< to read; fewer where the text ends first
  std::int64_t context =
      256;  ///< tokens a context; the rest of a document, from 2 tokens on, makes a shorter one
  std::int64_t batch = 16;    ///< contexts that run side by side
  std::uint64_t seed = 0;     ///< order of the documents
  bool keep_first = false;    ///< keep rows at position 0, where models park attention
  bool keep_massive = false;  ///< keep rows longer than 3 times the median row of the first batch
  std::int64_t shard_rows = 65536;
};

struct CaptureResult {
  std::int64_t tokens = 0;
  std::vector<StoreInfo> info;  ///< a site each, with what was dropped
  std::vector<StoreDocument> documents;
};

/// Runs a model over text and appends the activations of each site to its writer (in the order of
/// options.sites). Every writer goes on from its last whole shard, so that a capture that was cut off
/// continues; the caller gives the same documents again. Documents are shuffled by the seed within windows of
/// 64 MiB of text. `on_progress` hears the tokens done and returns false to stop, which keeps whole shards
/// and throws Error{kInterrupted}. Does not finish the writers.
CaptureResult capture(LanguageModel& model, const Tokenizer& tokenizer, const NextDocument& next_document,
                      const CaptureOptions& options, std::span<StoreWriter* const> writers,
                      std::span<const StoreInfo> info, const std::function<bool(std::int64_t)>& on_progress);

/// Lengths of rows [rows, dim].
std::vector<double> row_lengths(std::span<const float> rows, std::int64_t dim);
/// 3 times the median length of rows: longer ones are massive activations (Sun et al., arXiv 2402.17762), a
/// handful of positions that would rule every mean and variance.
double massive_limit(std::span<const float> rows, std::int64_t dim);

}  // namespace polysem
