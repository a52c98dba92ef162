#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "polysem/trainer.hpp"

namespace polysem {

/// Something that goes wrong in a run, found early enough to change it.
struct TrainingWarning {
  std::string kind;  ///< "dead_latents", "l0_stuck", "fvu_above_1", "loss_rising", "not_learning"
  std::int64_t step = 0;
  std::string message;  ///< what, with the numbers, and which options to change
};

/// Looks at the metrics of a run, line by line, and warns of each kind of trouble once. A loss that is not
/// finite is no warning: it ends the run (Trainer::run).
class TrainingWatch {
 public:
  explicit TrainingWatch(const TrainConfig& config) : config_(config) {}

  /// The next line; returns what is new.
  std::vector<TrainingWarning> look(const TrainMetrics& metrics);
  /// All so far.
  const std::vector<TrainingWarning>& warnings() const noexcept { return warnings_; }

 private:
  void look_at_dead(const TrainMetrics& now);
  void look_at_l0(const TrainMetrics& now);
  void look_at_loss(const TrainMetrics& now);
  void warn(const char* kind, std::int64_t step, const std::string& message);
  bool warned(const char* kind) const;
  /// The newest line that is at least so many steps older than the last; null where there is none.
  const TrainMetrics* before(std::int64_t steps) const;

  TrainConfig config_;
  std::vector<TrainMetrics> lines_;  ///< after warm-up
  double best_fvu_ = 0;              ///< of those, the lowest that three lines in a row stayed under
  std::vector<TrainingWarning> warnings_;
};

}  // namespace polysem
