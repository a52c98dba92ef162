#include <algorithm>

#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, segment, segments, kind, accumulate;
  std::uint32_t a_first, a_stride, b_first, b_stride, b_row;
  std::uint32_t out_first, out_stride, out_segment;
};

// What one work group reduces of a row or a column.
std::int64_t segment_length(Reduce::Along along) { return along == Reduce::Along::kRows ? 8192 : 256; }

std::int64_t segment_count(const Reduce& op) {
  const std::int64_t length = op.along == Reduce::Along::kRows ? op.cols : op.rows;
  const std::int64_t segment = segment_length(op.along);
  return std::max<std::int64_t>(1, (length + segment - 1) / segment);
}

// The reduction of what the segments gave: a matrix of them in the place of the operand.
Reduce next_level(const Reduce& op) {
  Reduce next = op;
  next.kind = op.kind == Reduce::Kind::kMax ? Reduce::Kind::kMax : Reduce::Kind::kSum;
  (op.along == Reduce::Along::kRows ? next.cols : next.rows) = segment_count(op);
  next.b_rows = 0;
  return next;
}

// Windows of the operand that begin where segments do.
struct Part {
  std::int64_t row, rows, col, cols;
};

template <class F>
void each_part(const Scope& s, const Reduce& op, const Tensor& a, const Tensor& b, F&& f) {
  const bool along_rows = op.along == Reduce::Along::kRows;
  const std::int64_t segment = segment_length(op.along);
  std::int64_t rows = std::min(rows_in_range(s.device, a), b.rows > 1 ? rows_in_range(s.device, b) : op.rows);
  std::int64_t cols = op.cols;
  if (along_rows && rows == 0)
    rows = 1, cols = std::max(segment, cols_in_range(s.device) / segment * segment);
  if (!along_rows) rows = std::max(segment, rows / segment * segment);
  for (std::int64_t r = 0; r == 0 || r < op.rows; r += std::max<std::int64_t>(rows, 1))
    for (std::int64_t c = 0; c == 0 || c < op.cols; c += std::max<std::int64_t>(cols, 1))
      f(Part{r, std::min(rows, op.rows - r), c, std::min(cols, op.cols - c)});
}

void record_level(const Scope& s, const Reduce& op, const Tensor& a, const Tensor& b, const Tensor& out) {
  static const std::size_t by_rows = shader_index("reduce_rows"), by_columns = shader_index("reduce_columns");
  const bool along_rows = op.along == Reduce::Along::kRows;
  const std::int64_t segment = segment_length(op.along), segments = segment_count(op);
  const bool last = segments == 1;
  each_part(s, op, a, b, [&](const Part& p) {
    const auto window = [&](const Tensor& t) {
      if (!t) return View{};
      return s.view(t.row_range(t.rows == 1 ? 0 : p.row, t.rows == 1 ? 1 : p.rows).col_range(p.col, p.cols));
    };
    const View x = window(a), y = window(b);
    const std::int64_t parts =
        std::max<std::int64_t>(1, ((along_rows ? p.cols : p.rows) + segment - 1) / segment);
    const std::int64_t first_segment = (along_rows ? p.col : p.row) / segment;
    Tensor piece = out;  // of the last level one row; else segments lie along the reduced axis
    if (last) {
      piece = along_rows ? out.col_range(p.row, p.rows) : out;
    } else {
      piece = along_rows ? out.row_range(p.row, p.rows).col_range(first_segment, parts)
                         : out.row_range(first_segment, parts);
    }
    const View result = s.view(piece);
    Push push{u32(p.rows),
              u32(p.cols),
              u32(segment),
              u32(parts),
              static_cast<std::uint32_t>(op.kind),
              last && op.accumulate ? 1u : 0u,
              x.first,
              x.stride,
              y.first,
              y.stride,
              op.b_rows > 1 ? 1u : 0u,
              result.first,
              1,
              0};
    if (!last) {
      push.out_stride = along_rows ? result.stride : 1;
      push.out_segment = along_rows ? 1 : result.stride;
    }
    const Grid grid = along_rows ? s.recording.rows_grid(static_cast<std::uint64_t>(p.rows * parts))
                                 : Grid{(static_cast<std::uint64_t>(p.cols) + 31) / 32,
                                        static_cast<std::uint64_t>(parts), 1};
    s.recording.dispatch(along_rows ? by_rows : by_columns, {},
                         {{reads(x), reads(y), reads(push.accumulate ? result : View{}), writes(result)}},
                         push, grid);
  });
}

}  // namespace

std::uint64_t workspace_of(const Device&, const Reduce& op) {
  std::uint64_t bytes = 0;
  for (Reduce level = op; segment_count(level) > 1; level = next_level(level))
    bytes += workspace_part((op.along == Reduce::Along::kRows ? op.rows : op.cols) * segment_count(level));
  return bytes;
}

Support limits_of(const Device& device, const Reduce& op) {
  const std::int64_t least = std::min(op.rows, segment_length(op.along));
  if (op.along == Reduce::Along::kColumns && op.cols > 0 && least > cols_in_range(device) / op.cols)
    return Support::no("its rows are too long for what a shader of this device sees");
  return Support::yes();
}

void record(const Scope& s, const Reduce& op, const Reduce::Operands& t) {
  const bool along_rows = op.along == Reduce::Along::kRows;
  if ((along_rows ? op.rows : op.cols) == 0) return;
  Tensor a = t.a, b = t.b;
  for (Reduce level = op;; level = next_level(level)) {
    const std::int64_t segments = segment_count(level);
    if (segments == 1) return record_level(s, level, a, b, t.out);
    const Tensor partial =
        along_rows ? s.workspace.take(op.rows, segments) : s.workspace.take(segments, op.cols);
    record_level(s, level, a, b, partial);
    a = partial;
    b = {};
  }
}

}  // namespace polysem::vulkan
