#include "polysem/model_preservation.hpp"

#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"

namespace polysem {

namespace {

/// Mean of what is finite: the last token of a sequence has no next one.
struct Mean {
  double sum = 0;
  std::int64_t count = 0;
  void add(std::span<const float> values) {
    for (const float v : values)
      if (std::isfinite(v)) sum += v, ++count;
  }
  double value() const { return count > 0 ? sum / static_cast<double>(count) : std::nan(""); }
};

/// KL of the rows that predict something, so that it covers the same tokens as the losses.
void add_scored(Mean& mean, std::span<const float> values, std::span<const float> losses) {
  for (std::size_t r = 0; r < values.size(); ++r)
    if (std::isfinite(losses[r])) mean.add(values.subspan(r, 1));
}

class Substitution {
 public:
  Substitution(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
               std::int64_t max_rows, const PreservationOptions& options)
      : executor_(executor),
        options_(options),
        coder_(executor, config, weights, max_rows),
        gathered_(executor.make(max_rows, config.d_in)),
        replaced_(executor.make(max_rows, config.d_out)),
        lengths_(executor.make(1, max_rows)),
        mean_(executor.make_from(1, config.d_out, options.mean)) {}

  enum class Kind { kReconstruction, kMean, kZero };

  /// The hook that replaces rows of the site in this way.
  Hook hook(Kind kind, const TokenBatch& batch) {
    return {options_.site, [this, kind, &batch](Executor&, const Tensor& activations) {
              const auto rows = rows_to_replace(activations, batch);
              untouched_ = activations.rows - static_cast<std::int64_t>(rows.size());
              if (!rows.empty()) replace(kind, activations, rows);
            }};
  }
  std::int64_t untouched() const noexcept { return untouched_; }

 private:
  std::vector<std::int32_t> rows_to_replace(const Tensor& activations, const TokenBatch& batch) {
    std::vector<std::int32_t> rows(static_cast<std::size_t>(activations.rows));
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = static_cast<std::int32_t>(r);
    const Tensor lengths = lengths_.view().col_range(0, activations.rows);
    executor_.run(
        Reduce{.kind = Reduce::Kind::kSumSquares, .rows = activations.rows, .cols = activations.cols},
        {.a = activations, .b = {}, .out = lengths});
    const auto squares = executor_.download_f32(lengths);
    std::erase_if(rows, [&](std::int32_t r) {
      const bool first = options_.keep_first && std::binary_search(batch.begin.begin(), batch.begin.end(), r);
      const bool massive = options_.massive_limit > 0 &&
                           std::sqrt(squares[static_cast<std::size_t>(r)]) > options_.massive_limit;
      return first || massive;
    });
    return rows;
  }

  void replace(Kind kind, const Tensor& activations, const std::vector<std::int32_t>& rows) {
    const auto count = static_cast<std::int64_t>(rows.size());
    const std::int64_t width = activations.cols;
    const Array ids = executor_.make_from(1, count, rows);
    const Tensor gathered = gathered_.view().row_range(0, count),
                 replaced = replaced_.view().row_range(0, count);
    executor_.run(GatherRows{.rows = count, .cols = width, .table_rows = activations.rows},
                  {.table = activations, .ids = ids, .out = gathered});
    if (kind == Kind::kReconstruction) {
      coder_.reconstruct(gathered, replaced);
    } else {
      executor_.run(Elementwise{.kind = Elementwise::Kind::kAxpby,
                                .rows = count,
                                .cols = width,
                                .b_rows = 1,
                                .b_cols = width,
                                .alpha = 0.0f,
                                .beta = kind == Kind::kMean ? 1.0f : 0.0f},
                    {.a = gathered, .b = mean_, .out = replaced});
    }
    executor_.run(ScatterRows{.rows = count, .cols = width, .table_rows = activations.rows},
                  {.source = replaced, .ids = ids, .table = activations});
  }

  Executor& executor_;
  PreservationOptions options_;
  SparseCoder coder_;
  Array gathered_, replaced_, lengths_, mean_;
  std::int64_t untouched_ = 0;
};

}  // namespace

PreservationResult model_preservation(LanguageModel& model, const CoderConfig& config,
                                      const CoderWeights& weights, std::span<const TokenBatch> batches,
                                      const PreservationOptions& options,
                                      const std::function<void(std::int64_t)>& on_progress) {
  if (model.width(options.site) != config.d_in || config.d_in != config.d_out)
    throw Error(ErrorCode::kInvalidArgument, "the coder reads " + std::to_string(config.d_in) +
                                                 " dimensions, " + options.site.name() + " has " +
                                                 std::to_string(model.width(options.site)));
  std::int64_t max_rows = 1;
  for (const TokenBatch& batch : batches) max_rows = std::max(max_rows, batch.rows());
  Substitution substitution(model.executor(), config, weights, max_rows, options);
  using Kind = Substitution::Kind;

  PreservationResult result;
  Mean clean, with, mean, zero, kl_with, kl_mean;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const TokenBatch& batch = batches[i];
    const Array clean_hidden = model.hidden(batch);
    const auto clean_losses = model.next_token_losses(clean_hidden, batch);
    clean.add(clean_losses);
    const auto run = [&](Kind kind, Mean& loss, Mean* kl) {
      const Hook hook = substitution.hook(kind, batch);
      const Array hidden = model.hidden(batch, std::span(&hook, 1));
      loss.add(model.next_token_losses(hidden, batch));
      if (kl != nullptr) add_scored(*kl, model.kl_divergences(clean_hidden, hidden), clean_losses);
    };
    run(Kind::kReconstruction, with, &kl_with);
    result.untouched_rows += substitution.untouched();
    run(Kind::kMean, mean, &kl_mean);
    run(Kind::kZero, zero, nullptr);
    if (on_progress) on_progress(static_cast<std::int64_t>(i) + 1);
  }

  result.tokens = clean.count;
  result.ce_loss_without_sae = clean.value();
  result.ce_loss_with_sae = with.value();
  result.ce_loss_with_ablation = mean.value();
  result.ce_loss_with_zero_ablation = zero.value();
  result.ce_loss_score = (mean.value() - with.value()) / (mean.value() - clean.value());
  result.ce_loss_score_zero = (zero.value() - with.value()) / (zero.value() - clean.value());
  result.kl_div_with_sae = kl_with.value();
  result.kl_div_with_ablation = kl_mean.value();
  result.kl_div_score = 1.0 - kl_with.value() / kl_mean.value();
  return result;
}

}  // namespace polysem
