#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "polysem/error.hpp"
#include "polysem/latent_selection.hpp"

namespace polysem {
namespace {

double label_focus(const LatentRecord& record, std::span<const std::int64_t> label_rows) {
  const auto rows =
      static_cast<double>(std::accumulate(label_rows.begin(), label_rows.end(), std::int64_t{0}));
  const double mass = std::accumulate(record.label_mass.begin(), record.label_mass.end(), 0.0);
  if (!(mass > 0) || record.label_mass.size() != label_rows.size()) return 0.0;
  double divergence = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < label_rows.size(); ++i) {
    if (label_rows[i] == 0) continue;
    const double base = static_cast<double>(label_rows[i]) / rows;
    const double share = record.label_mass[i] / mass;
    if (share > 0) divergence += share * std::log(share / base);
    largest = std::max(largest, -std::log(base));
  }
  return largest > 0 ? std::clamp(divergence / largest, 0.0, 1.0) : 0.0;
}

std::map<std::int32_t, std::size_t> peak_tokens(const LatentRecord& record) {
  std::map<std::int32_t, std::size_t> counts;
  for (const LatentFiring& firing : record.top) ++counts[firing.tokens[firing.peak].token];
  return counts;
}

/// Mean of u_i . u_j over pairs i < j of n unit vectors is (|sum u_i|^2 - n) / (n (n - 1)). Without vectors
/// every token has a direction of its own.
double token_focus(const LatentRecord& record, const TokenVectors& vectors) {
  const auto n = static_cast<double>(record.top.size());
  if (n < 2) return 0.0;
  double squares = 0.0;
  if (vectors.empty()) {
    for (const auto& [token, count] : peak_tokens(record)) squares += static_cast<double>(count * count);
  } else {
    std::vector<float> sum(vectors.dim());
    for (const LatentFiring& firing : record.top) vectors.add_to(firing.tokens[firing.peak].token, sum);
    for (const float x : sum) squares += static_cast<double>(x) * static_cast<double>(x);
  }
  return std::clamp((squares - n) / (n * (n - 1)), 0.0, 1.0);
}

double token_breadth(const LatentRecord& record) {
  if (record.top.size() < 2) return 0.0;
  return static_cast<double>(peak_tokens(record).size() - 1) / static_cast<double>(record.top.size() - 1);
}

double peakedness(const LatentRecord& record) {
  double sum = 0.0;
  for (const LatentFiring& firing : record.top) {
    double others = 0.0;
    for (const ContextToken& token : firing.tokens) others += std::abs(token.activation);
    const double peak = std::abs(firing.value);
    others = firing.tokens.size() > 1 ? (others - peak) / static_cast<double>(firing.tokens.size() - 1) : 0.0;
    sum += std::clamp(1.0 - others / peak, 0.0, 1.0);
  }
  return record.top.empty() ? 0.0 : sum / static_cast<double>(record.top.size());
}

double steadiness(const LatentRecord& record) {
  double sum = 0.0;
  for (const LatentFiring& firing : record.top) sum += std::abs(firing.value);
  return record.top.empty() ? 0.0 : sum / static_cast<double>(record.top.size()) / record.max;
}

}  // namespace

TokenVectors::TokenVectors(std::span<const float> matrix, std::int64_t dim) : matrix_(matrix) {
  if (dim < 1 || matrix.empty() || matrix.size() % static_cast<std::size_t>(dim) != 0) {
    throw Error(ErrorCode::kInvalidArgument, "token vectors: " + std::to_string(matrix.size()) +
                                                 " numbers are not rows of " + std::to_string(dim));
  }
  const auto width = static_cast<std::size_t>(dim);
  std::vector<double> sum(width);
  for (std::size_t i = 0; i < matrix.size(); ++i) sum[i % width] += static_cast<double>(matrix[i]);
  for (const double x : sum)
    mean_.push_back(static_cast<float>(x / static_cast<double>(matrix.size() / width)));
}

void TokenVectors::add_to(std::int32_t token, std::span<float> sum) const {
  const std::size_t width = mean_.size();
  if (token < 0 || static_cast<std::size_t>(token) >= matrix_.size() / std::max<std::size_t>(width, 1))
    return;
  const float* row = matrix_.data() + static_cast<std::size_t>(token) * width;
  double squares = 0.0;
  for (std::size_t i = 0; i < width; ++i) {
    const double x = static_cast<double>(row[i]) - static_cast<double>(mean_[i]);
    squares += x * x;
  }
  if (!(squares > 0)) return;
  const double scale = 1.0 / std::sqrt(squares);
  for (std::size_t i = 0; i < width; ++i) {
    sum[i] += static_cast<float>((static_cast<double>(row[i]) - static_cast<double>(mean_[i])) * scale);
  }
}

double LatentTraits::interest() const noexcept {
  return 0.3 * label_focus + 0.3 * token_focus + 0.2 * token_focus * std::min(1.0, 3.0 * token_breadth) +
         0.1 * peakedness + 0.1 * steadiness;
}

LatentTraits latent_traits(const LatentRecord& record, std::int64_t rows,
                           std::span<const std::int64_t> label_rows, const TokenVectors& vectors) {
  LatentTraits traits;
  if (record.firings == 0 || rows <= 0) return traits;
  traits.density = static_cast<double>(record.firings) / static_cast<double>(rows);
  traits.label_focus = label_focus(record, label_rows);
  traits.token_focus = token_focus(record, vectors);
  traits.token_breadth = token_breadth(record);
  traits.peakedness = peakedness(record);
  traits.steadiness = steadiness(record);
  return traits;
}

}  // namespace polysem
