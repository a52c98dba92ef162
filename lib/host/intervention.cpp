#include "polysem/intervention.hpp"

#include <algorithm>
#include <cmath>
#include <future>
#include <memory>

#include "polysem/capture.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

void expect_width(const CoreModel& coder, const Tensor& rows) {
  if (rows.cols != coder.get().d_in)
    throw Error(ErrorCode::kInvalidArgument, "the coder reads " + std::to_string(coder.get().d_in) +
                                                 " dimensions, the site has " + std::to_string(rows.cols));
}

void expect_done(polysem_status status) {
  if (status != POLYSEM_OK && status != POLYSEM_NON_FINITE)
    throw Error(ErrorCode::kInvalidArgument, "edits: " + std::string(polysem_status_text(status)));
}

constexpr std::size_t kLeastPositions = 8;  // of a thread: each takes a TopK coder a millisecond or so

/// Positions that a TopK coder edits or encodes cost a product with its whole encoder each: they are shared
/// out to the threads of the backend, each with a state of its own. The bits of a position are the same in
/// any state. `work` gets a state, the first position and their number.
template <class Work>
void for_parts(const CoreModel& coder, std::vector<CoreState>& states, int threads, std::size_t positions,
               const Work& work) {
  const std::size_t most =
      coder.get().activation == POLYSEM_TOPK ? static_cast<std::size_t>(std::max(threads, 1)) : 1;
  const std::size_t parts = std::clamp<std::size_t>(positions / kLeastPositions, 1, most);
  while (states.size() < parts) states.emplace_back(coder);
  const auto part = [&](std::size_t i) {
    const std::size_t first = positions * i / parts, end = positions * (i + 1) / parts;
    return work(states[i].get(), first, end - first);
  };
  std::vector<std::future<polysem_status>> others;
  for (std::size_t i = 1; i < parts; ++i) others.push_back(std::async(std::launch::async, part, i));
  const polysem_status status = part(0);
  expect_done(status);
  for (auto& other : others) expect_done(other.get());
}

/// Calls `visit` with the rows of each sequence but its first.
template <class Visit>
void for_sequences(const TokenBatch& batch, const Tensor& rows, const Visit& visit) {
  for (std::size_t s = 0; s + 1 < batch.begin.size(); ++s) {
    const std::int64_t first = batch.begin[s] + 1, count = batch.begin[s + 1] - first;
    if (count > 0) visit(rows.row_range(first, count));
  }
}

}  // namespace

Intervention::Intervention(const CoreModel& coder, const Site& site, std::vector<polysem_edit> edits)
    : coder_(&coder), site_(site), edits_(std::move(edits)) {
  states_.emplace_back(coder);
  if (coder.get().d_in != coder.get().d_out || coder.get().skip != nullptr)
    throw Error(ErrorCode::kBadInput, coder.origin() +
                                          ": a transcoder reads one site and writes another; latents are "
                                          "edited with autoencoders only");
  const std::vector<float> zeros(coder.get().d_in);
  std::vector<float> y = zeros;
  expect_done(polysem_apply_edits(states_[0].get(), polysem_one(zeros.data(), zeros.size()), edits_.data(),
                                  edits_.size(), polysem_one_out(y.data(), y.size())));
  polysem_reset(states_[0].get());
}

void Intervention::apply(Executor& executor, const Tensor& rows) {
  std::vector<float> x = executor.download_f32(rows);
  const auto count = static_cast<std::size_t>(rows.rows), width = static_cast<std::size_t>(rows.cols);
  for_parts(*coder_, states_, executor.backend().info().threads, count,
            [&](polysem_state* state, std::size_t first, std::size_t positions) {
              float* at = x.data() + first * width;
              return polysem_apply_edits(state, polysem_many(at, positions, width), edits_.data(),
                                         edits_.size(), polysem_many_out(at, positions, width));
            });
  executor.upload(rows, x);
}

Hook Intervention::over(const TokenBatch& batch) {
  return {site_, [this, &batch](Executor& executor, const Tensor& activations) {
            expect_width(*coder_, activations);
            for_sequences(batch, activations, [&](const Tensor& rows) { apply(executor, rows); });
          }};
}

Hook Intervention::while_generating(EditedPositions positions) {
  // generate() shows the prompt's rows first, then one row a token.
  const auto prompt_seen = std::make_shared<bool>(false);
  return {site_, [this, positions, prompt_seen](Executor& executor, const Tensor& activations) {
            expect_width(*coder_, activations);
            const bool prompt = !std::exchange(*prompt_seen, true);
            if (positions == (prompt ? EditedPositions::kGenerated : EditedPositions::kPrompt)) return;
            const std::int64_t first = prompt ? 1 : 0;
            if (activations.rows > first)
              apply(executor, activations.row_range(first, activations.rows - first));
          }};
}

std::uint64_t Intervention::skipped() const {
  std::uint64_t sum = 0;
  for (const CoreState& state : states_) {
    polysem_counters counters{};
    polysem_get_counters(state.get(), &counters);
    sum += counters.non_finite;
  }
  return sum;
}

InterventionEffect intervention_effect(LanguageModel& model, Intervention& intervention,
                                       std::span<const TokenBatch> batches,
                                       const std::function<void(std::int64_t)>& on_progress) {
  InterventionEffect effect;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const TokenBatch& batch = batches[b];
    const Hook hook = intervention.over(batch);
    const Array without = model.hidden(batch), with = model.hidden(batch, std::span(&hook, 1));
    const auto loss = model.next_token_losses(without, batch), edited = model.next_token_losses(with, batch),
               kl = model.kl_divergences(without, with);
    for (std::size_t r = 0; r < loss.size(); ++r) {
      if (!std::isfinite(loss[r])) continue;  // the last of a sequence predicts nothing
      if (!std::isfinite(edited[r]) || !std::isfinite(kl[r])) {
        ++effect.not_finite;
        continue;
      }
      ++effect.tokens;
      effect.loss_without += loss[r], effect.loss_with += edited[r], effect.kl_divergence += kl[r];
    }
    if (on_progress) on_progress(static_cast<std::int64_t>(b) + 1);
  }
  const double tokens = effect.tokens > 0 ? static_cast<double>(effect.tokens) : std::nan("");
  effect.loss_without /= tokens, effect.loss_with /= tokens, effect.kl_divergence /= tokens;
  return effect;
}

std::vector<LatentUse> latent_use(LanguageModel& model, const CoreModel& coder, const Site& site,
                                  std::span<const std::uint32_t> latents,
                                  std::span<const TokenBatch> batches) {
  std::vector<CoreState> states;
  std::vector<LatentUse> uses(latents.size());
  std::vector<float> f;
  const auto look = [&](Executor& executor, const Tensor& rows) {
    const std::vector<float> x = executor.download_f32(rows);
    const auto count = static_cast<std::size_t>(rows.rows), width = static_cast<std::size_t>(rows.cols);
    f.resize(count * latents.size());
    for_parts(coder, states, executor.backend().info().threads, count,
              [&](polysem_state* state, std::size_t first, std::size_t positions) {
                return polysem_encode_list(
                    state, polysem_many(x.data() + first * width, positions, width), latents.data(),
                    latents.size(),
                    polysem_many_out(f.data() + first * latents.size(), positions, latents.size()));
              });
    const auto lengths = row_lengths(x, rows.cols);
    const double limit = massive_limit(x, rows.cols);
    for (std::size_t i = 0; i < f.size(); ++i) {
      if (lengths[i / latents.size()] > limit) continue;
      LatentUse& use = uses[i % latents.size()];
      ++use.tokens;
      if (f[i] > 0) ++use.active, use.mean += f[i];
      use.largest = std::max<double>(use.largest, f[i]);
    }
  };
  for (const TokenBatch& batch : batches) {
    const Hook hook{site, [&](Executor& executor, const Tensor& activations) {
                      expect_width(coder, activations);
                      for_sequences(batch, activations, [&](const Tensor& rows) { look(executor, rows); });
                    }};
    model.run(batch, std::span(&hook, 1));
  }
  for (LatentUse& use : uses)
    if (use.active > 0) use.mean /= static_cast<double>(use.active);
  return uses;
}

}  // namespace polysem
