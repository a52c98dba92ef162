#include <algorithm>

#include "backends/vulkan/codes.hpp"

namespace polysem::vulkan {

namespace {

struct CountPush {
  Codes::Push codes;
  std::uint32_t rows, latents, chunks, chunk_rows, counts_first, ranks_first;
};
struct BlocksPush {
  std::uint32_t count, blocks, in_first, out_first;
};
struct SumsPush {
  std::uint32_t blocks, in_first, out_first;
};
struct BeginPush {
  std::uint32_t count, blocks, chunks, counts_first, starts_first, places_first, begin_first;
};
struct FillPush {
  Codes::Push codes;
  std::uint32_t rows, latents, chunks, chunk_rows, places_first, ranks_first, entries_first, rows_first;
};

constexpr std::int64_t kBlock = 2048;  // numbers that a work group sums

/// Rows in chunks: more chunks are more work groups, and a larger table [latents, chunks].
struct Chunks {
  std::int64_t rows, count, table, blocks;
};

Chunks chunks_of(const Device& device, const TransposeCodes& op) {
  const std::int64_t most =
      std::min<std::int64_t>(std::int64_t{1} << 24, static_cast<std::int64_t>(device.limits().range / 8));
  const std::int64_t count = std::clamp<std::int64_t>(most / std::max<std::int64_t>(op.latents, 1), 1,
                                                      std::max<std::int64_t>((op.rows + 15) / 16, 1));
  Chunks chunks{};
  chunks.rows = std::max<std::int64_t>((op.rows + count - 1) / count, 1);
  chunks.count = std::max<std::int64_t>((op.rows + chunks.rows - 1) / chunks.rows, 1);
  chunks.table = op.latents * chunks.count;
  chunks.blocks = (chunks.table + kBlock - 1) / kBlock;
  return chunks;
}

}  // namespace

std::uint64_t workspace_of(const Device& device, const TransposeCodes& op) {
  const Chunks chunks = chunks_of(device, op);
  return 2 * workspace_part(chunks.table) + 2 * workspace_part(chunks.blocks) + workspace_part(op.capacity);
}

Support limits_of(const Device& device, const TransposeCodes& op) {
  return list_fits(device, std::max(op.latents, op.capacity) + 1);
}

// Counting sort in chunks of rows that does not depend on who comes first: counts a latent and chunk, their
// exclusive sums in that order, and each entry's place from its rank in the chunk.
void record(const Scope& s, const TransposeCodes& op, const TransposeCodes::Operands& t) {
  static const std::size_t count = shader_index("transpose_count"), blocks = shader_index("scan_blocks"),
                           sums = shader_index("scan_sums"), begin_of = shader_index("transpose_begin"),
                           fill = shader_index("transpose_fill");
  if (op.latents == 0) return record(s, Fill{1, 1, 0.0f}, {.out = t.begin});
  const Chunks chunks = chunks_of(s.device, op);
  const auto take = [&](std::int64_t words) { return s.view(s.workspace.take(1, words)); };
  const View counts = take(chunks.table), places = take(chunks.table), block_sums = take(chunks.blocks),
             starts = take(chunks.blocks), ranks = take(op.capacity), begin = s.view(t.begin),
             entries = s.view(t.entries), entry_rows = s.view(t.entry_rows);
  const Codes codes = Codes::of_rows(s, op, t, 0, op.rows);
  const auto grid = [&](std::int64_t groups) {
    return s.recording.rows_grid(static_cast<std::uint64_t>(groups));
  };

  s.recording.zero(counts);
  s.recording.dispatch(
      count, {},
      {{reads(codes.values), reads(codes.ids), reads(codes.offsets), writes(counts), writes(ranks)}},
      CountPush{codes.push, u32(op.rows), u32(op.latents), u32(chunks.count), u32(chunks.rows), counts.first,
                ranks.first},
      grid(chunks.count));
  s.recording.dispatch(blocks, {}, {{reads(counts), writes(block_sums)}},
                       BlocksPush{u32(chunks.table), u32(chunks.blocks), counts.first, block_sums.first},
                       grid(chunks.blocks));
  s.recording.dispatch(sums, {}, {{reads(block_sums), writes(starts)}},
                       SumsPush{u32(chunks.blocks), block_sums.first, starts.first}, Grid{});
  s.recording.dispatch(begin_of, {}, {{reads(counts), reads(starts), writes(places), writes(begin)}},
                       BeginPush{u32(chunks.table), u32(chunks.blocks), u32(chunks.count), counts.first,
                                 starts.first, places.first, begin.first},
                       grid(chunks.blocks));
  if (op.rows == 0) return;
  s.recording.dispatch(fill, {},
                       {{reads(codes.values), reads(codes.ids), reads(codes.offsets), reads(places),
                         reads(ranks), writes(entries), writes(entry_rows)}},
                       FillPush{codes.push, u32(op.rows), u32(op.latents), u32(chunks.count),
                                u32(chunks.rows), places.first, ranks.first, entries.first, entry_rows.first},
                       grid(op.rows));
}

}  // namespace polysem::vulkan
