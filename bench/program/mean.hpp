#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace polysem::program {

/// A mean over seeds, and its standard error where there are at least two of them.
struct Mean {
  double value = 0;           ///< NaN over no seeds: they all diverged
  double standard_error = 0;  ///< 0 for one seed, which does not say how far it may be off
  std::size_t seeds = 0;
};
Mean mean_of(const std::vector<double>& values);

/// "3.81 +- 0.21", "3.81" for one seed, or "diverged" where there is none.
std::string mean_text(const Mean& mean, int digits = 3);
/// {"mean", "standard_error"}; the latter null for one seed, all of it null where there is none.
nlohmann::json mean_json(const Mean& mean);

}  // namespace polysem::program
