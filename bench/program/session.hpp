#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/program/arguments.hpp"
#include "polysem/executor.hpp"

namespace polysem::program {

/// The backend that a command runs on, as its common options say.
class Session {
 public:
  explicit Session(const Arguments& arguments);
  Executor& executor() { return *executor_; }
  Precision precision() const noexcept { return precision_; }
  /// {"polysem", "backend", "device", "driver", "features", "threads", "precision", "fallbacks", ...}
  nlohmann::json environment() const;
  /// "onednn on AMD EPYC, 4 threads, f32"
  std::string summary() const;

 private:
  std::unique_ptr<Backend> backend_, fallback_;
  std::unique_ptr<Executor> executor_;
  Precision precision_;
};

/// JSON as text; bytes that are not UTF-8 (a path may hold any) become U+FFFD.
std::string to_text(const nlohmann::json& value, int indent = -1);

/// Writes the result where --json says, if it does. Where the result has no "config", it gets the options of
/// the command.
void write_json_result(const Arguments& arguments, nlohmann::json result);

/// The same, and also where --out says: for commands that write nothing else. expect_result_writable() finds
/// out before the work whether that will do.
void write_only_result(const Arguments& arguments, nlohmann::json result);
/// UsageError where a file to write is one that is read: it would be gone.
void expect_not_input(const std::filesystem::path& out, const std::vector<std::filesystem::path>& inputs);
void expect_result_writable(const Arguments& arguments);

}  // namespace polysem::program
