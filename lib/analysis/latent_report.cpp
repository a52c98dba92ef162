#include "polysem/latent_report.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "polysem/error.hpp"

namespace polysem {
namespace {

ReportContext describe_context(const LatentFiring& firing, const GrowingHistogram& histogram,
                               const ReportNames& names) {
  ReportContext context;
  for (const ContextToken& token : firing.tokens) {
    context.tokens.push_back(token.token == ContextToken::kUnknownToken ? "" : names.token(token.token));
    context.activations.push_back(token.activation);
  }
  context.peak = firing.peak;
  const auto document = static_cast<std::size_t>(firing.document);
  if (firing.document >= 0 && document < names.documents.size()) context.document = names.documents[document];
  if (firing.document >= 0 && document < names.document_labels.size()) {
    context.label = names.document_labels[document];
  }
  context.quantile = histogram.quantile_of(std::abs(firing.value));
  return context;
}

/// The part of the range that is in use, in half as many bins: a picture of 17 to 32 bars.
ReportHistogram trimmed(const GrowingHistogram& histogram) {
  ReportHistogram result;
  const auto& counts = histogram.counts();
  for (std::size_t i = 0; i < counts.size(); i += 2) result.counts.push_back(counts[i] + counts[i + 1]);
  while (!result.counts.empty() && result.counts.back() == 0) result.counts.pop_back();
  result.high = histogram.limit() / (GrowingHistogram::kBins / 2) * static_cast<double>(result.counts.size());
  return result;
}

}  // namespace

LatentEntry describe_latent(std::int64_t latent, const LatentRecord& record, std::int64_t rows,
                            const ReportNames& names) {
  LatentEntry entry;
  entry.latent = latent;
  if (record.firings == 0) return entry;
  const auto firings = static_cast<double>(record.firings);
  entry.density = rows > 0 ? firings / static_cast<double>(rows) : 0.0;
  entry.mean_activation = record.sum / firings;
  entry.max_activation = record.max;
  entry.activations = trimmed(record.histogram);
  for (const LatentFiring& firing : record.top) {
    entry.top.push_back(describe_context(firing, record.histogram, names));
  }
  for (const LatentFiring& firing : record.samples) {
    const bool shown = std::any_of(record.top.begin(), record.top.end(),
                                   [&](const LatentFiring& other) { return other.row == firing.row; });
    if (!shown) entry.samples.push_back(describe_context(firing, record.histogram, names));
  }
  const double mass = std::accumulate(record.label_mass.begin(), record.label_mass.end(), 0.0);
  if (mass > 0) {
    for (const double share : record.label_mass) entry.label_shares.push_back(share / mass);
  }
  return entry;
}

DensityHistogram density_histogram(std::span<const LatentRecord> records, std::int64_t rows,
                                   int bins_per_decade) {
  if (rows < 0 || bins_per_decade < 1) {
    throw Error(ErrorCode::kInvalidArgument, "density histogram: expected rows >= 0 and bins >= 1, found " +
                                                 std::to_string(rows) + " and " +
                                                 std::to_string(bins_per_decade));
  }
  DensityHistogram result;
  std::vector<double> logs;
  for (const LatentRecord& record : records) {
    if (record.firings == 0 || rows == 0) {
      ++result.never_fired;
    } else {
      logs.push_back(std::log10(static_cast<double>(record.firings) / static_cast<double>(rows)));
    }
  }
  ReportHistogram& histogram = result.log10_density;
  const double lowest = logs.empty() ? -1.0 : *std::min_element(logs.begin(), logs.end());
  histogram.low = std::min(std::floor(lowest), -1.0);
  const auto bins = static_cast<std::size_t>(-histogram.low) * static_cast<std::size_t>(bins_per_decade);
  histogram.counts.resize(bins);
  for (const double value : logs) {
    const double bin = (value - histogram.low) * bins_per_decade;
    ++histogram.counts[std::min(static_cast<std::size_t>(std::max(bin, 0.0)), bins - 1)];
  }
  return result;
}

std::vector<ReportLabel> report_labels(std::span<const std::string> names,
                                       std::span<const std::int64_t> label_rows) {
  if (names.size() != label_rows.size()) {
    throw Error(ErrorCode::kInvalidArgument, "report labels: " + std::to_string(names.size()) +
                                                 " names for " + std::to_string(label_rows.size()) +
                                                 " labels");
  }
  const auto total = std::accumulate(label_rows.begin(), label_rows.end(), std::int64_t{0});
  std::vector<ReportLabel> labels;
  for (std::size_t i = 0; i < names.size(); ++i) {
    labels.push_back(
        {names[i], total > 0 ? static_cast<double>(label_rows[i]) / static_cast<double>(total) : 0.0});
  }
  return labels;
}

}  // namespace polysem
