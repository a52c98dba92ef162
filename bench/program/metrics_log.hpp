#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "polysem/trainer.hpp"

namespace polysem::program {

/// metrics.jsonl: one line a log step. A run that is taken up again keeps the lines up to its checkpoint.
class MetricsLog {
 public:
  MetricsLog(std::filesystem::path file, std::int64_t resumed_step);
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;
  ~MetricsLog();
  /// Throws Error{kFailed} where the line cannot be written.
  void append(nlohmann::json line);
  /// Lines so far are on the disk when it returns: a checkpoint must not outlive them.
  void flush();
  /// The newest line, also where a run before this one wrote it; null where there is none.
  const nlohmann::json& last() const noexcept { return last_; }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  nlohmann::json last_;
  int descriptor_ = -1;
};

nlohmann::json to_json(const TrainMetrics& metrics);
/// The inverse; what is missing or no number is 0.
TrainMetrics train_metrics(const nlohmann::json& line);

/// All lines of a metrics.jsonl, those that are whole; none where the file is missing.
std::vector<nlohmann::json> read_metrics(const std::filesystem::path& file);

}  // namespace polysem::program
