#include "bench/program/metrics_log.hpp"

#include "bench/program/session.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem::program {

std::vector<nlohmann::json> read_metrics(const std::filesystem::path& file) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    auto json = nlohmann::json::parse(line, nullptr, false);
    const bool whole = json.is_object() && json.contains("step") && json["step"].is_number_integer();
    if (whole) lines.push_back(std::move(json));
  }
  return lines;
}

MetricsLog::MetricsLog(std::filesystem::path file, std::int64_t resumed_step) : path_(std::move(file)) {
  std::string kept;
  if (resumed_step > 0) {
    for (const auto& line : read_metrics(path_))
      if (line["step"].get<std::int64_t>() <= resumed_step) kept += to_text(line) + "\n";
  }
  write_file_atomic(path_, std::string_view(kept));
  out_.open(path_, std::ios::app);
}

void MetricsLog::append(const nlohmann::json& line) {
  out_ << to_text(line) << "\n" << std::flush;
  if (!out_) throw Error(ErrorCode::kFailed, path_.string() + ": cannot be written; is the disk full?");
}

nlohmann::json to_json(const TrainMetrics& m) {
  return {{"step", m.step},
          {"samples", m.samples},
          {"loss", m.loss},
          {"aux_loss", m.aux_loss},
          {"fvu", m.fvu},
          {"l0", m.l0},
          {"dead_fraction", m.dead_fraction},
          {"lr", m.lr},
          {"samples_per_second", m.samples_per_second}};
}

}  // namespace polysem::program
