#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/io/event_file.hpp"

namespace polysem::program {

/// The lines of metrics.jsonl as scalars for TensorBoard, under the names that SAELens logs where it has
/// them.
class TensorBoardLog {
 public:
  /// An event file in `folder`, of a run that goes on after `resumed_step` steps.
  TensorBoardLog(const std::filesystem::path& folder, std::int64_t resumed_step)
      : file_(folder, resumed_step + 1) {}
  void append(const nlohmann::json& line);
  void flush() { file_.flush(); }

 private:
  io::EventFile file_;
};

}  // namespace polysem::program
