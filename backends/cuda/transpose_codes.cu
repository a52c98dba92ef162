#include "backends/cuda/block.cuh"
#include "backends/cuda/codes.cuh"

namespace polysem::cuda {

namespace {

constexpr unsigned kRowThreads = 64;  // of the block that walks a chunk's rows
constexpr std::int64_t kEach = 8;     // numbers of the table that a thread sums
constexpr std::int64_t kBlock = kEach * kThreads;
constexpr std::int64_t kMostTable = std::int64_t{1} << 23, kMostChunks = 256, kLeastRows = 16;

/// Rows in chunks: more chunks are more blocks at a time, and a larger table [latents, chunks] of counts,
/// which blocks of kBlock numbers sum.
struct Chunks {
  std::int64_t rows, count, table, blocks;
};

Chunks chunks_of(const TransposeCodes& op) {
  const std::int64_t most = std::min(kMostChunks, kMostTable / std::max<std::int64_t>(op.latents, 1));
  const std::int64_t count =
      std::max<std::int64_t>(std::min(most, (op.rows + kLeastRows - 1) / kLeastRows), 1);
  Chunks chunks{};
  chunks.rows = std::max<std::int64_t>((op.rows + count - 1) / count, 1);
  chunks.count = std::max<std::int64_t>((op.rows + chunks.rows - 1) / chunks.rows, 1);
  chunks.table = op.latents * chunks.count;
  chunks.blocks = (chunks.table + kBlock - 1) / kBlock;
  return chunks;
}

struct Arguments {
  std::int64_t rows;
  Chunks chunks;
  Codes codes;
  std::uint32_t* table;   // counts, then places
  std::uint32_t* starts;  // of each block of the table: its sum, then the sum of those before it
  std::uint32_t* ranks;   // of each entry: how many of its latent are before it in its chunk
  std::int32_t* begin;
  std::int32_t* entries;
  std::int32_t* entry_rows;

  /// The latent of an active entry, or -1.
  __device__ std::int64_t active(std::int64_t e) const {
    return codes.values[e] == 0.0f ? -1 : codes.latent(e);
  }
};

// A block a chunk, which walks its rows in order. The ids of a row are distinct: no two threads meet.
__global__ void count_kernel(Arguments g) {
  for (std::int64_t chunk = blockIdx.x; chunk < g.chunks.count; chunk += gridDim.x) {
    const std::int64_t first = chunk * g.chunks.rows;
    const std::int64_t last = first + g.chunks.rows < g.rows ? first + g.chunks.rows : g.rows;
    for (std::int64_t r = first; r < last; ++r) {
      const std::int64_t end = g.codes.end(r);
      for (std::int64_t e = g.codes.begin(r) + threadIdx.x; e < end; e += kRowThreads) {
        const std::int64_t latent = g.active(e);
        if (latent >= 0) g.ranks[e] = g.table[latent * g.chunks.count + chunk]++;
      }
      __syncthreads();
    }
  }
}

// Sum of each block of the table.
__global__ void sum_kernel(Arguments g) {
  for (std::int64_t block = blockIdx.x; block < g.chunks.blocks; block += gridDim.x) {
    std::uint32_t sum = 0, total;
    for (std::int64_t i = 0; i < kEach; ++i) {
      const std::int64_t at = block * kBlock + i * kThreads + threadIdx.x;
      if (at < g.chunks.table) sum += g.table[at];
    }
    block_scan(sum, total);
    if (threadIdx.x == 0) g.starts[block] = total;
  }
}

// Sums to sums before; one block.
__global__ void start_kernel(Arguments g) {
  std::uint32_t before = 0, total;
  for (std::int64_t base = 0; base < g.chunks.blocks; base += kThreads) {
    const std::int64_t block = base + threadIdx.x;
    const std::uint32_t sum = block < g.chunks.blocks ? g.starts[block] : 0u;
    const std::uint32_t start = before + block_scan(sum, total);
    if (block < g.chunks.blocks) g.starts[block] = start;
    before += total;
  }
}

// Counts to places; those of a latent's first chunk are where the latent begins.
__global__ void place_kernel(Arguments g) {
  for (std::int64_t block = blockIdx.x; block < g.chunks.blocks; block += gridDim.x) {
    const std::int64_t first = block * kBlock + threadIdx.x * kEach;
    const std::int64_t end = first + kEach < g.chunks.table ? first + kEach : g.chunks.table;
    std::uint32_t sum = 0, total;
    for (std::int64_t i = first; i < end; ++i) sum += g.table[i];
    std::uint32_t place = g.starts[block] + block_scan(sum, total);
    for (std::int64_t i = first; i < end; ++i) {
      const std::uint32_t count = g.table[i];
      g.table[i] = place;
      const Place at = place_of(i, g.chunks.count);
      if (at.col == 0) g.begin[at.row] = static_cast<std::int32_t>(place);
      place += count;
      if (i == g.chunks.table - 1) g.begin[at.row + 1] = static_cast<std::int32_t>(place);
    }
  }
}

// A block a row: every active entry knows its place.
__global__ void fill_kernel(Arguments g) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    const std::int64_t end = g.codes.end(r), chunk = r / g.chunks.rows;
    for (std::int64_t e = g.codes.begin(r) + threadIdx.x; e < end; e += kRowThreads) {
      const std::int64_t latent = g.active(e);
      if (latent < 0) continue;
      const std::int64_t place =
          static_cast<std::int64_t>(g.table[latent * g.chunks.count + chunk]) + g.ranks[e];
      if (place >= g.codes.capacity) continue;
      g.entries[place] = static_cast<std::int32_t>(e);
      g.entry_rows[place] = static_cast<std::int32_t>(r);
    }
  }
}

}  // namespace

std::uint64_t workspace_of(const TransposeCodes& op) {
  const Chunks chunks = chunks_of(op);
  return workspace_part(chunks.table * 4) + workspace_part(chunks.blocks * 4) +
         workspace_part(op.capacity * 4);
}

// Counting sort in chunks of rows that does not depend on who comes first: counts a latent and chunk, their
// exclusive sums in that order, and each entry's place from its rank in the chunk.
void enqueue(const Scope& s, const TransposeCodes& op, const TransposeCodes::Operands& t) {
  if (op.latents == 0) return enqueue(s, Fill{1, 1, 0.0f}, {.out = t.begin});
  const Chunks chunks = chunks_of(op);
  Arguments g{};
  g.rows = op.rows, g.chunks = chunks, g.codes = Codes::of(op, t);
  g.table = s.workspace.take<std::uint32_t>(chunks.table);
  g.starts = s.workspace.take<std::uint32_t>(chunks.blocks);
  g.ranks = s.workspace.take<std::uint32_t>(op.capacity);
  g.begin = pointer_of<std::int32_t>(t.begin);
  g.entries = pointer_of<std::int32_t>(t.entries);
  g.entry_rows = pointer_of<std::int32_t>(t.entry_rows);
  check(cudaMemsetAsync(g.table, 0, static_cast<std::size_t>(chunks.table) * 4, s.stream.handle()),
        "cudaMemsetAsync");
  launch(s, count_kernel, blocks_for(chunks.count), kRowThreads, g);
  launch(s, sum_kernel, blocks_for(chunks.blocks), kThreads, g);
  launch(s, start_kernel, dim3(1), kThreads, g);
  launch(s, place_kernel, blocks_for(chunks.blocks), kThreads, g);
  launch(s, fill_kernel, blocks_for(op.rows), kRowThreads, g);
}

}  // namespace polysem::cuda
