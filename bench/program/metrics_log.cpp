#include "bench/program/metrics_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "bench/program/session.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem::program {

std::vector<nlohmann::json> read_metrics(const std::filesystem::path& file) {
  std::vector<nlohmann::json> lines;
  if (!std::filesystem::exists(file)) return lines;
  // Not by a stream, to which a failed read or request for memory is the end of the file: a run that is taken
  // up again would then write a log without its beginning.
  const std::string text = read_file(file);
  for (std::size_t start = 0, end = 0; end != std::string::npos && start < text.size(); start = end + 1) {
    end = text.find('\n', start);
    auto json = nlohmann::json::parse(std::string_view(text).substr(start, end - start), nullptr, false);
    const bool whole = json.is_object() && json.contains("step") && json["step"].is_number_integer();
    if (whole) lines.push_back(std::move(json));
  }
  return lines;
}

MetricsLog::MetricsLog(std::filesystem::path file, std::int64_t resumed_step) : path_(std::move(file)) {
  std::string kept;
  if (resumed_step > 0) {
    for (auto& line : read_metrics(path_)) {
      if (line["step"].get<std::int64_t>() > resumed_step) continue;
      kept += to_text(line) + "\n";
      last_ = std::move(line);
    }
  }
  write_file_atomic(path_, std::string_view(kept));
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) fail();
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MetricsLog::fail() const {
  throw Error(ErrorCode::kFailed, "cannot write " + path_.string() + ": " + std::strerror(errno) +
                                      "; once that is mended, --resume goes on from the last checkpoint");
}

void MetricsLog::append(nlohmann::json line) {
  const std::string text = to_text(line) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor_, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) fail();
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  last_ = std::move(line);
}

void MetricsLog::flush() {
  if (::fsync(descriptor_) != 0) fail();
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
          {"sparsity_coefficient", m.sparsity},
          {"codes", m.dense ? "dense" : "sparse"},
          {"samples_per_second", m.samples_per_second}};
}

TrainMetrics train_metrics(const nlohmann::json& line) {
  const auto number = [&](const char* key) {
    const auto found = line.find(key);
    return found != line.end() && found->is_number() ? found->get<double>() : 0.0;
  };
  const auto count = [&](const char* key) {
    const auto found = line.find(key);
    return found != line.end() && found->is_number_integer() ? found->get<std::int64_t>() : std::int64_t{0};
  };
  return {.step = count("step"),
          .samples = count("samples"),
          .loss = number("loss"),
          .aux_loss = number("aux_loss"),
          .fvu = number("fvu"),
          .l0 = number("l0"),
          .dead_fraction = number("dead_fraction"),
          .lr = number("lr"),
          .samples_per_second = number("samples_per_second"),
          .sparsity = number("sparsity_coefficient"),
          .dense = line.contains("codes") && line["codes"] == "dense"};
}

}  // namespace polysem::program
