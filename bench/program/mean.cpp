#include "bench/program/mean.hpp"

#include <cmath>

#include "bench/program/terminal.hpp"

namespace polysem::program {

Mean mean_of(const std::vector<double>& values) {
  if (values.empty()) return {NAN, NAN, 0};
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0.0, values.size()};
}

std::string mean_text(const Mean& mean, int digits) {
  if (!std::isfinite(mean.value)) return "diverged";
  return significant(mean.value, digits) +
         (mean.seeds > 1 ? " +- " + significant(mean.standard_error, 2) : "");
}

nlohmann::json mean_json(const Mean& mean) {
  if (!std::isfinite(mean.value)) return nullptr;
  return {{"mean", mean.value},
          {"standard_error", mean.seeds > 1 ? nlohmann::json(mean.standard_error) : nlohmann::json()}};
}

}  // namespace polysem::program
