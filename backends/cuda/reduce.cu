#include <limits>

#include "backends/cuda/block.cuh"

namespace polysem::cuda {

namespace {

constexpr std::int64_t kRowSegment = 16384;                       // elements of a row that a block reduces
constexpr std::int64_t kColumnSegment = 64, kMostSegments = 256;  // rows that a block reduces at least

struct Arguments {
  Reduce::Kind kind;
  std::int64_t rows, cols, segment, segments;
  bool b_is_row, accumulate;
  Floats a, b, out;  // out [rows, segments] or [segments, cols]
};

__device__ float identity(Reduce::Kind kind) { return kind == Reduce::Kind::kMax ? -INFINITY : 0.0f; }

__device__ float combine(Reduce::Kind kind, float total, float value) {
  if (kind != Reduce::Kind::kMax) return total + value;
  return value > total || isnan(value) ? value : total;
}

__device__ float term(const Arguments& g, std::int64_t r, std::int64_t c) {
  const float a = g.a(r, c), b = g.b ? g.b(g.b_is_row ? 0 : r, c) : 0.0f;
  switch (g.kind) {
    case Reduce::Kind::kSumSquares:
      return a * a;
    case Reduce::Kind::kDot:
      return a * b;
    case Reduce::Kind::kSquaredDistance:
      return (a - b) * (a - b);
    default:
      return a;
  }
}

// The first thread gets what the whole block has.
__device__ float block_reduce(Reduce::Kind kind, float value) {
  __shared__ float values[kWarp];
  for (unsigned step = kWarp / 2; step > 0; step /= 2)
    value = combine(kind, value, __shfl_down_sync(kAllLanes, value, step));
  if (lane() == 0) values[warp()] = value;
  __syncthreads();
  for (unsigned i = 1; threadIdx.x == 0 && i < blockDim.x / kWarp; ++i)
    value = combine(kind, value, values[i]);
  __syncthreads();
  return value;
}

// A block a segment of a row.
__global__ void reduce_rows_kernel(Arguments g) {
  for (std::int64_t i = blockIdx.x; i < g.rows * g.segments; i += gridDim.x) {
    const Place at = place_of(i, g.segments);
    const std::int64_t first = at.col * g.segment;
    const std::int64_t end = first + g.segment < g.cols ? first + g.segment : g.cols;
    float value = identity(g.kind);
    for (std::int64_t c = first + threadIdx.x; c < end; c += blockDim.x)
      value = combine(g.kind, value, term(g, at.row, c));
    value = block_reduce(g.kind, value);
    if (threadIdx.x != 0) continue;
    const std::int64_t out = at.row * g.segments + at.col;
    g.out.set(0, out, g.accumulate ? value + g.out[out] : value);
  }
}

// A block a segment of 32 columns, a warp every eighth row of it.
__global__ void reduce_columns_kernel(Arguments g) {
  __shared__ float values[kThreads];
  const std::int64_t strips = (g.cols + kWarp - 1) / kWarp;
  for (std::int64_t i = blockIdx.x; i < strips * g.segments; i += gridDim.x) {
    const Place at = place_of(i, strips);
    const std::int64_t column = at.col * kWarp + lane(), first = at.row * g.segment;
    const std::int64_t end = first + g.segment < g.rows ? first + g.segment : g.rows;
    float value = identity(g.kind);
    for (std::int64_t r = first + warp(); column < g.cols && r < end; r += kThreads / kWarp)
      value = combine(g.kind, value, term(g, r, column));
    values[threadIdx.x] = value;
    __syncthreads();
    if (warp() == 0 && column < g.cols) {
      for (unsigned w = 1; w < kThreads / kWarp; ++w)
        value = combine(g.kind, value, values[w * kWarp + lane()]);
      const std::int64_t out = at.row * g.cols + column;
      g.out.set(0, out, g.accumulate ? value + g.out[out] : value);
    }
    __syncthreads();
  }
}

// Segments of each row or column: as many as its length says.
void split(const Reduce& op, Arguments& g) {
  if (op.along == Reduce::Along::kRows) {
    g.segment = kRowSegment;
    g.segments = (op.cols + kRowSegment - 1) / kRowSegment;
  } else {
    g.segments = std::min(kMostSegments, (op.rows + kColumnSegment - 1) / kColumnSegment);
    g.segment = (op.rows + std::max<std::int64_t>(g.segments, 1) - 1) / std::max<std::int64_t>(g.segments, 1);
  }
  g.segments = std::max<std::int64_t>(g.segments, 1);
}

void enqueue_level(const Scope& s, const Reduce& op, const Arguments& g) {
  if (op.along == Reduce::Along::kRows) {
    launch(s, reduce_rows_kernel, blocks_for(g.rows * g.segments), kThreads, g);
  } else {
    launch(s, reduce_columns_kernel, blocks_for((g.cols + kWarp - 1) / kWarp * g.segments), kThreads, g);
  }
}

std::int64_t results(const Reduce& op) { return op.along == Reduce::Along::kRows ? op.rows : op.cols; }

}  // namespace

std::uint64_t workspace_of(const Reduce& op) {
  Arguments g{};
  split(op, g);
  return g.segments > 1 ? workspace_part(results(op) * g.segments * 4) : 0;
}

// Segments first, then what they gave.
void enqueue(const Scope& s, const Reduce& op, const Reduce::Operands& t) {
  Arguments g{op.kind,        op.rows,       op.cols,     0,           0,
              op.b_rows == 1, op.accumulate, Floats(t.a), Floats(t.b), Floats(t.out)};
  split(op, g);
  if (g.segments == 1) return enqueue_level(s, op, g);
  const Floats out = g.out;
  Floats partial;
  partial.data = s.workspace.take(results(op) * g.segments * 4);
  partial.stride = op.along == Reduce::Along::kRows ? g.segments : op.cols;
  g.out = partial;
  g.accumulate = false;
  enqueue_level(s, op, g);

  Arguments last = g;
  last.kind = op.kind == Reduce::Kind::kMax ? Reduce::Kind::kMax : Reduce::Kind::kSum;
  (op.along == Reduce::Along::kRows ? last.cols : last.rows) = g.segments;
  last.segment = g.segments, last.segments = 1;
  last.accumulate = op.accumulate;
  last.a = partial, last.b = Floats(), last.out = out;
  enqueue_level(s, op, last);
}

}  // namespace polysem::cuda
