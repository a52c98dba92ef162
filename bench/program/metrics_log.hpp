#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "polysem/trainer.hpp"

namespace polysem::program {

/// metrics.jsonl: one line a log step. A run that is taken up again keeps the lines up to its checkpoint.
class MetricsLog {
 public:
  MetricsLog(std::filesystem::path file, std::int64_t resumed_step);
  /// Throws Error{kFailed} where the line cannot be written.
  void append(const nlohmann::json& line);

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

nlohmann::json to_json(const TrainMetrics& metrics);

/// All lines of a metrics.jsonl, those that are whole; none where the file is missing.
std::vector<nlohmann::json> read_metrics(const std::filesystem::path& file);

}  // namespace polysem::program
