#include "tests/conformance/compare.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace polysem::conformance {

namespace {

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool is_output(const Operand& o) { return o.present && o.spec.access != Access::kRead; }

}  // namespace

double sum_error(std::int64_t length) { return (8 + 2 * std::sqrt(static_cast<double>(length))) * kU; }

std::string compare_within(std::string_view label, const Values& expected, const Values& actual,
                           const Values& tolerance) {
  if (expected.size() != actual.size() || tolerance.size() != expected.size())
    return std::string(label) + ": sizes differ\n";
  std::size_t wrong = 0, worst = 0;
  double worst_ratio = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (same(expected[i], actual[i])) continue;
    const double difference = std::abs(expected[i] - actual[i]);
    if (difference <= tolerance[i]) continue;  // false for NaN
    const double ratio = difference / tolerance[i];
    if (wrong++ == 0 || !(ratio <= worst_ratio)) worst = i, worst_ratio = ratio;
  }
  if (wrong == 0) return "";
  std::ostringstream out;
  out.precision(9);
  out << label << ": " << wrong << " of " << expected.size() << " wrong; worst at " << worst << ": expected "
      << expected[worst] << ", found " << actual[worst] << ", tolerance " << tolerance[worst] << "\n";
  return out.str();
}

std::string compare_exactly(std::string_view label, const Values& expected, const Values& actual,
                            std::size_t count) {
  for (std::size_t i = 0; i < std::min(count, expected.size()); ++i) {
    if (i < actual.size() && same(expected[i], actual[i])) continue;
    std::ostringstream out;
    out.precision(9);
    out << label << ": expected " << expected[i] << " at " << i << ", found ";
    if (i < actual.size()) out << actual[i];
    out << "\n";
    return out.str();
  }
  return "";
}

double nmse(const std::vector<float>& expected, const std::vector<float>& actual) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(double{actual[i]} - expected[i], 2);
    norm += std::pow(double{expected[i]}, 2);
  }
  return error / norm;
}

std::string compare_nmse(std::string_view label, const Values& expected, const Values& actual, double limit) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  if (error <= limit * norm) return "";
  return std::string(label) + ": normalised mean squared error " + std::to_string(error / norm) + " above " +
         std::to_string(limit) + "\n";
}

double storage_rounding(DType type) {
  return type == DType::kBF16 ? 0x1p-8 : type == DType::kF16 ? 0x1p-11 : kU;
}

double storage_step(DType type) { return type == DType::kF16 ? 0x1p-25 : kTiny; }

double input_spread(Precision precision) {
  if (precision == Precision::kTF32) return 0x1p-10;
  return precision == Precision::kF32 ? 0 : storage_rounding(storage_type(precision));
}

bool inputs_change(Precision precision, const Values& a, const Values& b) {
  const auto keeps = [&](double v) { return std::isnan(v) || rounded(precision, v) == v; };
  return precision != Precision::kF32 && !(std::ranges::all_of(a, keeps) && std::ranges::all_of(b, keeps));
}

Values with_storage(const Operand& operand, const Values& expected, Values tolerance) {
  if (operand.dtype == DType::kF32) return tolerance;
  for (std::size_t i = 0; i < tolerance.size(); ++i)
    tolerance[i] += storage_rounding(operand.dtype) * (std::abs(expected[i]) + tolerance[i]) +
                    storage_step(operand.dtype);
  return tolerance;
}

std::string compare_by_magnitude(const Problem& problem, const std::vector<Values>& expected,
                                 const std::vector<Values>& actual, const std::vector<Values>& magnitude,
                                 double factor, double floor) {
  std::string found;
  for (std::size_t i = 0; i < problem.operands().size(); ++i) {
    const Operand& o = problem.operands()[i];
    if (!is_output(o)) continue;
    Values tolerance;
    for (const double m : magnitude[i]) tolerance.push_back(factor * m + floor);
    found += compare_within(o.spec.name, expected[i], actual[i], with_storage(o, expected[i], tolerance));
  }
  return found;
}

std::string compare_all_exactly(const Problem& problem, const std::vector<Values>& expected,
                                const std::vector<Values>& actual) {
  std::string found;
  for (std::size_t i = 0; i < problem.operands().size(); ++i) {
    const Operand& o = problem.operands()[i];
    if (is_output(o)) found += compare_exactly(o.spec.name, expected[i], actual[i]);
  }
  return found;
}

}  // namespace polysem::conformance
