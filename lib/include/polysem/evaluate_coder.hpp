#pragma once

#include <functional>

#include "polysem/metrics_reconstruction.hpp"
#include "polysem/metrics_sparsity.hpp"
#include "polysem/row_source.hpp"
#include "polysem/sparse_coder.hpp"

namespace polysem {

struct CoderEvaluation {
  ReconstructionResult reconstruction;
  SparsityResult sparsity;
  std::vector<std::int64_t> fired;  ///< rows on which each latent fired
};

/// What visitors see of each batch: its first row's number, the rows, their reconstruction, and their codes
/// (ids and values of row r from row_begin[r] to row_begin[r + 1]).
struct EncodedRows {
  std::int64_t first = 0;
  std::span<const float> x, reconstruction;
  std::span<const float> values;
  std::span<const std::int32_t> ids;
  std::span<const std::int64_t> row_begin;
};

/// Encodes and rebuilds rows [0, min(rows, max_rows)) of the source, in order, in batches. `visit`, where
/// given, sees every batch.
void encode_rows(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
                 const RowSource& source, std::int64_t max_rows,
                 const std::function<void(const EncodedRows&)>& visit);

/// Reconstruction and sparsity over those rows. `on_progress` hears the rows done.
CoderEvaluation evaluate_coder(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
                               const RowSource& source, std::int64_t max_rows,
                               const std::function<void(std::int64_t)>& on_progress = {});

}  // namespace polysem
