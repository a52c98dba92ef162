#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "polysem/coder_folder.hpp"
#include "polysem/core_file.hpp"
#include "polysem/row_source.hpp"

namespace polysem {

/// Rows [first, first + count) of some data.
struct RowRange {
  const RowSource* source = nullptr;
  std::int64_t first = 0, count = 0;
};

/// Makes `part`, some or all latents of the TopK coder `whole`, a JumpReLU coder with one threshold a latent,
/// so that each can be computed without the others. A latent's threshold is the one whose choice among `rows`
/// agrees best with TopK's, by F1, with activations as `part` in `dtype` computes them; a latent that TopK
/// chose at none of them gets one above all that was seen of it. Returns how many of those there are.
/// (BatchTopK coders are turned into JumpReLU ones with a single threshold, Bussmann et al., arXiv
/// 2412.06410. TopK's cut moves from row to row, and latents differ in how they stand to it.)
std::int64_t calibrate_thresholds(Executor& executor, const LoadedCoder& whole, CoreCoder& part,
                                  polysem_dtype dtype, const RowRange& rows,
                                  const std::function<void(std::int64_t)>& on_progress = {});

/// How a .polysem file compares with the coder that it was made from, on the same rows. Where the file holds
/// a subset, both are taken with its latents alone.
struct CoreQuality {
  std::int64_t rows = 0;
  double fvu_before = 0, fvu_after = 0;
  double l0_before = 0, l0_after = 0;  ///< active latents a row
  /// 2 |A and B| / (|A| + |B|), A and B the pairs of row and active latent before and after; 1 where there
  /// are none.
  double agreement = 0;
  double missed = 0, extra = 0;  ///< share of A that is not in B, of B that is not in A
};
/// `whole_ids`: the numbers of the latents of `whole` where it is a subset itself; empty where it is not.
CoreQuality measure_core(Executor& executor, const LoadedCoder& whole,
                         std::span<const std::uint32_t> whole_ids, const CoreModel& model,
                         const RowRange& rows, const std::function<void(std::int64_t)>& on_progress = {});

}  // namespace polysem
