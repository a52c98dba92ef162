#include "polysem/training_watch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace polysem {

namespace {

// So many lines in a row must agree: one batch says little.
constexpr std::size_t kLines = 3;
// A share of the run in which a trend shows, and after which much of the run is still left.
constexpr double kSpan = 0.05;

// Gao et al. (arXiv 2406.04093, section 2.4) end with at most 7 % dead latents with AuxK and up to 90 %
// without: three times the former, still growing, is the other kind of run.
constexpr double kManyDead = 0.2, kDeadGrowth = 0.02;
// L0 off by half of the target is another coder than the one asked for; a controller that works closes a
// tenth of the distance (of logarithms) in a span easily.
constexpr double kFarFromTarget = 1.5, kCloser = 0.9;
// FVU 1 is what the mean of the data alone reaches.
constexpr double kMeanAlone = 1.0;
// Noise of a batch's FVU is a few per cent; half more than before in three lines is none.
constexpr double kRise = 1.5;
// A tenth of the variance is explained by very few directions in activations; with less after a quarter of
// the run nothing was learnt.
constexpr double kNotLearning = 0.9, kQuarter = 0.25;

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string percent(double share) { return number(100 * share) + " %"; }

std::string at_step(std::int64_t step) { return " at step " + std::to_string(step); }

}  // namespace

bool TrainingWatch::warned(const char* kind) const {
  return std::any_of(warnings_.begin(), warnings_.end(),
                     [&](const TrainingWarning& w) { return w.kind == kind; });
}

void TrainingWatch::warn(const char* kind, std::int64_t step, const std::string& message) {
  if (!warned(kind)) warnings_.push_back({kind, step, message});
}

const TrainMetrics* TrainingWatch::before(std::int64_t steps) const {
  const TrainMetrics* found = nullptr;
  for (const TrainMetrics& line : lines_)
    if (line.step + steps <= lines_.back().step) found = &line;
  return found;
}

std::vector<TrainingWarning> TrainingWatch::look(const TrainMetrics& metrics) {
  const std::size_t known = warnings_.size();
  // Until warm-up ends everything moves, and not every latent had its chance.
  if (metrics.step > config_.rate.warmup) {
    lines_.push_back(metrics);
    look_at_dead(metrics);
    look_at_l0(metrics);
    look_at_loss(metrics);
  }
  return {warnings_.begin() + static_cast<std::ptrdiff_t>(known), warnings_.end()};
}

void TrainingWatch::look_at_dead(const TrainMetrics& now) {
  const auto span = static_cast<std::int64_t>(kSpan * static_cast<double>(config_.rate.steps));
  const TrainMetrics* then = before(std::max<std::int64_t>(span, 1));
  if (then == nullptr || now.dead_fraction < kManyDead ||
      now.dead_fraction < then->dead_fraction + kDeadGrowth)
    return;
  const std::string aux = config_.coder.aux_k > 0 ? "a larger --aux-coefficient (now " +
                                                        number(config_.coder.aux_coefficient) + ")"
                                                  : std::string("--aux-k 256, which revives them");
  warn("dead_latents", now.step,
       percent(now.dead_fraction) + " of the latents are dead" + at_step(now.step) + ", " +
           percent(then->dead_fraction) + at_step(then->step) + "; try " + aux + ", a smaller --lr (now " +
           number(config_.rate.peak) + ") or fewer --latents");
}

void TrainingWatch::look_at_l0(const TrainMetrics& now) {
  if (config_.target_l0 <= 0) return;
  const auto distance = [&](const TrainMetrics& m) {
    return std::abs(std::log(std::max(m.l0, 1e-3) / config_.target_l0));
  };
  const auto span = static_cast<std::int64_t>(2 * kSpan * static_cast<double>(config_.rate.steps));
  const TrainMetrics* then = before(std::max<std::int64_t>(span, 1));
  if (then == nullptr || distance(now) < std::log(kFarFromTarget) ||
      distance(now) < kCloser * distance(*then))
    return;
  const char* change = now.l0 > config_.target_l0 ? "larger" : "smaller";
  const bool l1 = config_.coder.recipe == "relu_l1";
  warn("l0_stuck", now.step,
       "L0 is " + number(now.l0) + at_step(now.step) + " and was " + number(then->l0) + at_step(then->step) +
           ", far from --target-l0 " + number(config_.target_l0) + "; try a " + change +
           (l1 ? " --l1-coefficient" : " --l0-coefficient") + " or a shorter --sparsity-warmup");
}

void TrainingWatch::look_at_loss(const TrainMetrics& now) {
  if (lines_.size() < kLines) return;
  const auto [lowest, highest] = std::minmax_element(
      lines_.end() - kLines, lines_.end(), [](const auto& a, const auto& b) { return a.fvu < b.fvu; });
  const std::string calmer = "try a smaller --lr (now " + number(config_.rate.peak) + ") or --clip 1";
  if (lowest->fvu > kMeanAlone)
    warn("fvu_above_1", now.step,
         "FVU is " + number(now.fvu) + at_step(now.step) +
             ": the mean of the data alone is closer to it (FVU 1); " + calmer);
  else if (best_fvu_ > 0 && lowest->fvu > kRise * best_fvu_)
    warn("loss_rising", now.step,
         "FVU is " + number(now.fvu) + at_step(now.step) + " and was below " + number(best_fvu_) +
             " before; " + calmer);
  else if (lowest->fvu > kNotLearning &&
           static_cast<double>(now.step) > kQuarter * static_cast<double>(config_.rate.steps))
    warn("not_learning", now.step,
         "FVU is still " + number(now.fvu) + at_step(now.step) +
             ": hardly anything was learnt; try another --lr (now " + number(config_.rate.peak) +
             ") or more active latents (--k or --target-l0)");
  best_fvu_ = best_fvu_ > 0 ? std::min(best_fvu_, highest->fvu) : highest->fvu;
}

}  // namespace polysem
