#include "polysem/latent_report.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "polysem/error.hpp"

namespace polysem {
namespace {

LatentFiring firing(float value, std::int64_t row, std::int32_t document, std::vector<ContextToken> tokens,
                    std::uint32_t peak) {
  LatentFiring result;
  result.value = value;
  result.row = row;
  result.document = document;
  result.tokens = std::move(tokens);
  result.peak = peak;
  return result;
}

LatentRecord record_of(std::initializer_list<float> values) {
  LatentRecord record;
  for (const float value : values) {
    ++record.firings;
    record.sum += value;
    record.max = std::max(record.max, value);
    record.histogram.add(value);
  }
  return record;
}

TEST(DescribeLatent, FillsWhatTheCollectorKnows) {
  LatentRecord record = record_of({1.0f, 2.0f, 3.0f, 4.0f});
  record.label_mass = {7.5, 2.5};
  record.top = {firing(4.0f, 9, 1, {{-1, 0.0f}, {3, 4.0f}, {4, 1.0f}}, 1)};
  record.samples = {firing(4.0f, 9, 1, {{3, 4.0f}}, 0), firing(2.0f, 5, 7, {{4, 2.0f}}, 0)};
  const std::vector<std::string> documents{"a", "b"};
  const std::vector<std::int32_t> labels{0, 1};
  const ReportNames names{[](std::int32_t token) { return "t" + std::to_string(token); }, documents, labels};
  const LatentEntry entry = describe_latent(42, record, 100, names);
  EXPECT_EQ(entry.latent, 42);
  EXPECT_DOUBLE_EQ(entry.density, 0.04);
  EXPECT_DOUBLE_EQ(entry.mean_activation, 2.5);
  EXPECT_DOUBLE_EQ(entry.max_activation, 4.0);
  EXPECT_EQ(entry.label_shares, (std::vector<double>{0.75, 0.25}));
  EXPECT_EQ(std::accumulate(entry.activations.counts.begin(), entry.activations.counts.end(), 0u), 4u);
  EXPECT_GE(entry.activations.high, 4.0);
  ASSERT_EQ(entry.top.size(), 1u);
  EXPECT_EQ(entry.top[0].tokens, (std::vector<std::string>{"", "t3", "t4"}));
  EXPECT_EQ(entry.top[0].activations, (std::vector<float>{0.0f, 4.0f, 1.0f}));
  EXPECT_EQ(entry.top[0].peak, 1u);
  EXPECT_EQ(entry.top[0].document, "b");
  EXPECT_EQ(entry.top[0].label, 1);
  ASSERT_EQ(entry.samples.size(), 1u) << "the one that is also among the strongest is left out";
  EXPECT_EQ(entry.samples[0].document, "") << "document 7 has no name";
  EXPECT_EQ(entry.samples[0].label, -1);
  EXPECT_NEAR(entry.samples[0].quantile, 0.25, 0.02);
}

TEST(DescribeLatent, DeadLatentHasNoNumbers) {
  const LatentEntry entry = describe_latent(3, LatentRecord{}, 100, {});
  EXPECT_EQ(entry.density, 0.0);
  EXPECT_TRUE(std::isnan(entry.mean_activation));
  EXPECT_TRUE(entry.top.empty());
  EXPECT_TRUE(entry.label_shares.empty());
  EXPECT_TRUE(entry.activations.counts.empty());
}

TEST(DensityHistogram, PutsLatentsInDecades) {
  std::vector<LatentRecord> records(5);
  records[0].firings = 1;     // 10^-3
  records[1].firings = 1000;  // 1: the last bin
  records[2].firings = 100;   // 10^-1
  records[3].firings = 99;
  const DensityHistogram histogram = density_histogram(records, 1000, 2);
  EXPECT_EQ(histogram.never_fired, 1);
  EXPECT_EQ(histogram.log10_density.low, -3.0);
  EXPECT_EQ(histogram.log10_density.high, 0.0);
  EXPECT_EQ(histogram.log10_density.counts, (std::vector<std::uint64_t>{1, 0, 0, 1, 1, 1}));
}

TEST(DensityHistogram, NothingFired) {
  const std::vector<LatentRecord> records(3);
  const DensityHistogram histogram = density_histogram(records, 0);
  EXPECT_EQ(histogram.never_fired, 3);
  for (const std::uint64_t count : histogram.log10_density.counts) EXPECT_EQ(count, 0u);
  EXPECT_THROW(density_histogram(records, 10, 0), Error);
}

TEST(ReportLabels, SharesOfRows) {
  const std::vector<std::string> names{"fiction", "kernel"};
  const std::vector<std::int64_t> rows{30, 10};
  const std::vector<ReportLabel> labels = report_labels(names, rows);
  EXPECT_EQ(labels[0].name, "fiction");
  EXPECT_DOUBLE_EQ(labels[0].row_share, 0.75);
  EXPECT_DOUBLE_EQ(labels[1].row_share, 0.25);
  EXPECT_THROW(report_labels(names, std::span(rows).first(1)), Error);
}

}  // namespace
}  // namespace polysem
