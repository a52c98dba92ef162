#include "polysem/evaluate_coder.hpp"

#include <algorithm>
#include <numeric>

#include "lib/engine/out_of_memory.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

constexpr std::int64_t kBatch = 1024;

std::vector<std::int64_t> row_starts(Executor& executor, const SparseCodes& codes) {
  std::vector<std::int64_t> starts(static_cast<std::size_t>(codes.rows) + 1);
  if (codes.k > 0) {
    for (std::size_t r = 0; r < starts.size(); ++r) starts[r] = static_cast<std::int64_t>(r) * codes.k;
  } else {
    const auto offsets = executor.download_i32(codes.row_offsets);
    std::copy(offsets.begin(), offsets.end(), starts.begin());
  }
  return starts;
}

}  // namespace

void encode_rows(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
                 const RowSource& source, std::int64_t max_rows,
                 const std::function<void(const EncodedRows&)>& visit) try {
  if (source.dim() != config.d_in)
    throw Error(ErrorCode::kBadInput, "the data has " + std::to_string(source.dim()) +
                                          " dimensions, the coder reads " + std::to_string(config.d_in) +
                                          "; it was trained on other activations");
  const std::int64_t rows = std::min(source.rows(), max_rows);
  const std::int64_t batch = std::min(kBatch, std::max<std::int64_t>(rows, 1));
  SparseCoder coder(executor, config, weights, batch);
  const Array input = executor.make(batch, config.d_in), output = executor.make(batch, config.d_out);
  for (std::int64_t first = 0; first < rows; first += batch) {
    const std::int64_t count = std::min(batch, rows - first);
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), first);
    std::vector<float> x(static_cast<std::size_t>(count * config.d_in));
    source.read(numbers, x);
    const Tensor x_view = input.view().row_range(0, count), y_view = output.view().row_range(0, count);
    executor.upload(x_view, x);
    const SparseCodes codes = coder.encode(x_view);
    coder.decode(codes, y_view);
    const auto y = executor.download_f32(y_view);
    const auto starts = row_starts(executor, codes);
    const auto entries = static_cast<std::size_t>(starts.back());
    const auto values = executor.download_f32(codes.values);
    const auto ids = executor.download_i32(codes.latents);
    visit({first, x, y, std::span(values).first(entries), std::span(ids).first(entries), starts});
  }
} catch (const std::bad_alloc&) {
  throw_out_of_memory("encoding rows");
}

CoderEvaluation evaluate_coder(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
                               const RowSource& source, std::int64_t max_rows,
                               const std::function<void(std::int64_t)>& on_progress) {
  ReconstructionMetrics reconstruction(config.d_out);
  SparsityMetrics sparsity(config.latents);
  encode_rows(executor, config, weights, source, max_rows, [&](const EncodedRows& rows) {
    const auto count = static_cast<std::int64_t>(rows.row_begin.size()) - 1;
    reconstruction.add(rows.x, rows.reconstruction);
    sparsity.add(count, rows.values, rows.ids);
    if (on_progress) on_progress(rows.first + count);
  });
  return {reconstruction.result(), sparsity.result(), {sparsity.fired().begin(), sparsity.fired().end()}};
}

}  // namespace polysem
