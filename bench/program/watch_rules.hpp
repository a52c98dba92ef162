#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "polysem/core_file.hpp"

namespace polysem::program {

/// What a rules file asks polysem::core to look for, ready for a state.
class WatchRules {
 public:
  /// A JSON object:
  ///   "watch":  [{"latent": 77, "name": "months", "on": 4, "off": 2, "smoothing": 0.5}, ...]
  ///             on: active above it [0], off: until at most it [on], smoothing in (0, 1] [1: none]
  ///   "rules":  [{"name": "calendar", "all": ["months", "!dates"]}, {"name": ..., "any": [...]}, ...]
  ///   "probes": [{"name": "letter", "weights": {"months": 0.4}, "bias": -2, "on": 0.8, "off": 0.6}, ...]
  /// Names are a watch's "name", else what the coder calls the latent, else its number. Throws
  /// Error{kBadInput} with file and key for anything else, and for a latent that the coder does not have.
  WatchRules(const std::filesystem::path& file, const CoreModel& coder);
  WatchRules(const WatchRules&) = delete;
  WatchRules& operator=(const WatchRules&) = delete;

  /// Refers to this object.
  polysem_config config() const noexcept;
  const std::vector<polysem_watch>& watches() const noexcept { return watches_; }
  std::size_t count(polysem_subject subject) const noexcept;
  const std::string& name(polysem_subject subject, std::size_t index) const {
    return names_[subject].at(index);
  }

 private:
  std::vector<polysem_watch> watches_;
  std::vector<std::vector<polysem_term>> terms_;      // of each rule
  std::vector<std::vector<polysem_weight>> weights_;  // of each probe
  std::vector<polysem_rule> rules_;
  std::vector<polysem_probe> probes_;
  std::vector<std::string> names_[3];  // by polysem_subject
};

/// "watch", "rule", "probe".
std::string_view name(polysem_subject subject) noexcept;

}  // namespace polysem::program
