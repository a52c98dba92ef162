#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/onednn/context.hpp"

namespace polysem::onednn {

/// Rows of a large matrix of latents that lists of some rows name, in any order, come from memory at the
/// price of a line each. Taken block by block of latents, all rows of the batch through, a block comes from
/// memory once and stays in the last cache.
///
/// `end_of(list, from, latent)` is the first place at or after `from` whose latent is not below `latent`;
/// `work(list, from, to)` is called for each piece that is not empty, blocks in ascending order.
template <class EndOf, class Work>
void for_latent_blocks(std::int64_t lists, std::int64_t latents, std::int64_t row_bytes, EndOf&& end_of,
                       Work&& work) {
  constexpr std::int64_t kBlockBytes = std::int64_t{8} << 20;
  constexpr std::int64_t kLists = 64;  // a task
  const std::int64_t block = std::max<std::int64_t>(1, kBlockBytes / std::max<std::int64_t>(row_bytes, 1));
  std::vector<std::int64_t> next(static_cast<std::size_t>(lists), 0);
  for (std::int64_t first = 0; first < latents; first += block) {
    Context::parallel_ranges(lists, kLists, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        std::int64_t& from = next[static_cast<std::size_t>(i)];
        const std::int64_t to = end_of(i, from, first + block);
        if (to > from) work(i, from, to);
        from = to;
      }
    });
  }
}

}  // namespace polysem::onednn
