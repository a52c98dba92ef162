#include "polysem/latent_collector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

/// A small store with codes: documents of several sequences, positions with gaps, values from few levels so
/// that ties are common.
struct Store {
  std::vector<std::int32_t> tokens, positions, documents, latents, row_offsets{0};
  std::vector<float> values;

  void row(std::int32_t token, std::int32_t position, std::int32_t document,
           const std::map<std::int32_t, float>& codes) {
    tokens.push_back(token);
    positions.push_back(position);
    documents.push_back(document);
    for (const auto& [latent, value] : codes) {
      latents.push_back(latent);
      values.push_back(value);
    }
    row_offsets.push_back(static_cast<std::int32_t>(values.size()));
  }

  std::size_t rows() const { return tokens.size(); }

  float activation(std::size_t row, std::int32_t latent) const {
    for (auto i = row_offsets[row]; i < row_offsets[row + 1]; ++i) {
      if (latents[static_cast<std::size_t>(i)] == latent) return values[static_cast<std::size_t>(i)];
    }
    return 0.0f;
  }

  bool starts_sequence(std::size_t r) const {
    return r == 0 || documents[r] != documents[r - 1] || positions[r] <= positions[r - 1];
  }

  /// Feeds rows [begin, end) as one batch.
  void feed(LatentCollector& collector, std::size_t begin, std::size_t end) const {
    const auto entry = [&](std::size_t row) { return static_cast<std::size_t>(row_offsets[row]); };
    std::vector<std::int32_t> offsets;
    for (std::size_t r = begin; r <= end; ++r) offsets.push_back(row_offsets[r] - row_offsets[begin]);
    CodedRows rows;
    rows.tokens = std::span(tokens).subspan(begin, end - begin);
    rows.positions = std::span(positions).subspan(begin, end - begin);
    rows.documents = std::span(documents).subspan(begin, end - begin);
    rows.latents = std::span(latents).subspan(entry(begin), entry(end) - entry(begin));
    rows.values = std::span(values).subspan(entry(begin), entry(end) - entry(begin));
    rows.row_offsets = offsets;
    collector.add(rows);
  }
};

constexpr std::int32_t kLatents = 12;

Store random_store(std::uint64_t seed, std::int32_t documents) {
  const Random random(seed, RandomStream::kData);
  Store store;
  std::uint64_t draw = 0;
  for (std::int32_t d = 0; d < documents; ++d) {
    for (int s = 0; s < 2; ++s) {
      for (std::int32_t position = 1; position < 40; ++position) {
        if (random.below(8, draw++) == 0) continue;  // a row that the store left out
        std::map<std::int32_t, float> codes;
        for (std::int32_t latent = 0; latent < kLatents - 1; ++latent) {  // the last one never fires
          if (random.below(4, draw++) != 0) continue;
          const auto level = static_cast<float>(random.below(7, draw++)) - 1.0f;  // -1 .. 5, 0 included
          codes[latent] = level * 0.5f;
        }
        store.row(static_cast<std::int32_t>(random.below(50, draw++)), position, d, codes);
      }
    }
  }
  return store;
}

struct Peak {
  float value;
  std::size_t row;
};

/// One entry a sequence in which the latent fires: its strongest row, the first of equals.
std::vector<Peak> sequence_peaks(const Store& store, std::int32_t latent) {
  std::vector<Peak> peaks;
  bool open = false;
  for (std::size_t r = 0; r < store.rows(); ++r) {
    if (store.starts_sequence(r)) open = false;
    const float value = store.activation(r, latent);
    if (value == 0.0f) continue;
    if (!open) peaks.push_back({value, r});
    if (std::abs(value) > std::abs(peaks.back().value)) peaks.back() = {value, r};
    open = true;
  }
  std::stable_sort(peaks.begin(), peaks.end(),
                   [](const Peak& a, const Peak& b) { return std::abs(a.value) > std::abs(b.value); });
  return peaks;
}

/// The row at `position` of the sequence that holds `row`, or rows() if there is none.
std::size_t row_at(const Store& store, std::size_t row, std::int64_t position) {
  std::size_t first = row;
  while (!store.starts_sequence(first)) --first;
  for (std::size_t r = first; r < store.rows() && (r == first || !store.starts_sequence(r)); ++r) {
    if (store.positions[r] == position) return r;
  }
  return store.rows();
}

void expect_window(const Store& store, const LatentFiring& firing, std::int32_t latent,
                   const CollectorOptions& options) {
  const auto row = static_cast<std::size_t>(firing.row);
  EXPECT_EQ(firing.value, store.activation(row, latent));
  EXPECT_EQ(firing.document, store.documents[row]);
  ASSERT_LT(firing.peak, firing.tokens.size());
  EXPECT_EQ(firing.peak, std::min<std::int64_t>(options.before, store.positions[row]));
  EXPECT_LE(firing.tokens.size() - firing.peak - 1, static_cast<std::size_t>(options.after));
  for (std::size_t i = 0; i < firing.tokens.size(); ++i) {
    const std::int64_t position =
        store.positions[row] + static_cast<std::int64_t>(i) - static_cast<std::int64_t>(firing.peak);
    const std::size_t source = row_at(store, row, position);
    const bool known = source < store.rows();
    EXPECT_EQ(firing.tokens[i].token, known ? store.tokens[source] : ContextToken::kUnknownToken);
    EXPECT_EQ(firing.tokens[i].activation, known ? store.activation(source, latent) : 0.0f);
  }
}

CollectorOptions small_options() {
  return {.latents = kLatents, .top = 5, .samples = 4, .before = 6, .after = 3, .seed = 11};
}

TEST(LatentCollector, AgreesWithBruteForce) {
  const Store store = random_store(1, 9);
  const CollectorOptions options = small_options();
  const std::vector<std::int32_t> labels{0, 1, 2, 0, 1, 2, -1, 0};  // document 8 has none
  LatentCollector collector(options, labels, 3);
  store.feed(collector, 0, store.rows());
  collector.finish();
  EXPECT_EQ(collector.rows(), static_cast<std::int64_t>(store.rows()));
  std::vector<std::int64_t> label_rows(3);
  for (const std::int32_t d : store.documents) {
    if (d < 8 && labels[static_cast<std::size_t>(d)] >= 0) {
      ++label_rows[static_cast<std::size_t>(labels[static_cast<std::size_t>(d)])];
    }
  }
  EXPECT_EQ(collector.label_rows(), label_rows);

  for (std::int32_t latent = 0; latent < kLatents - 1; ++latent) {
    SCOPED_TRACE(latent);
    const LatentRecord& record = collector.records()[static_cast<std::size_t>(latent)];
    std::uint64_t firings = 0;
    double sum = 0.0;
    float max = 0.0f;
    std::vector<double> mass(3);
    for (std::size_t r = 0; r < store.rows(); ++r) {
      const float magnitude = std::abs(store.activation(r, latent));
      firings += magnitude > 0 ? 1 : 0;
      sum += magnitude;
      max = std::max(max, magnitude);
      const auto d = static_cast<std::size_t>(store.documents[r]);
      if (d < labels.size() && labels[d] >= 0) mass[static_cast<std::size_t>(labels[d])] += magnitude;
    }
    EXPECT_EQ(record.firings, firings);
    EXPECT_DOUBLE_EQ(record.sum, sum);  // multiples of a half: no rounding
    EXPECT_EQ(record.max, max);
    EXPECT_EQ(record.label_mass, mass);
    EXPECT_EQ(record.histogram.total(), firings);

    const std::vector<Peak> peaks = sequence_peaks(store, latent);
    ASSERT_EQ(record.top.size(), std::min<std::size_t>(peaks.size(), 5));
    for (std::size_t i = 0; i < record.top.size(); ++i) {
      EXPECT_EQ(record.top[i].row, static_cast<std::int64_t>(peaks[i].row));
      expect_window(store, record.top[i], latent, options);
    }
    EXPECT_EQ(record.samples.size(), 4u);
    for (const LatentFiring& firing : record.samples) expect_window(store, firing, latent, options);
  }
}

TEST(LatentCollector, LatentThatNeverFiresStaysEmpty) {
  const Store store = random_store(2, 3);
  LatentCollector collector(small_options(), {}, 0);
  store.feed(collector, 0, store.rows());
  collector.finish();
  const LatentRecord& record = collector.records().back();
  EXPECT_EQ(record.firings, 0u);
  EXPECT_EQ(record.sum, 0.0);
  EXPECT_EQ(record.max, 0.0f);
  EXPECT_TRUE(record.top.empty());
  EXPECT_TRUE(record.samples.empty());
  EXPECT_EQ(record.histogram.limit(), 0.0);
}

TEST(LatentCollector, NoRowsAtAll) {
  LatentCollector collector(small_options(), {}, 0);
  collector.add({});
  collector.finish();
  EXPECT_EQ(collector.rows(), 0);
  EXPECT_EQ(collector.records().size(), static_cast<std::size_t>(kLatents));
}

TEST(LatentCollector, BatchesDoNotMatter) {
  const Store store = random_store(3, 5);
  LatentCollector whole(small_options(), {}, 0), pieces(small_options(), {}, 0);
  store.feed(whole, 0, store.rows());
  for (std::size_t begin = 0; begin < store.rows(); begin += 7) {
    store.feed(pieces, begin, std::min(begin + 7, store.rows()));
  }
  whole.finish();
  pieces.finish();
  for (std::size_t latent = 0; latent < kLatents; ++latent) {
    const LatentRecord& a = whole.records()[latent];
    const LatentRecord& b = pieces.records()[latent];
    EXPECT_EQ(a.firings, b.firings);
    EXPECT_EQ(a.sum, b.sum);
    ASSERT_EQ(a.top.size(), b.top.size());
    for (std::size_t i = 0; i < a.top.size(); ++i) EXPECT_EQ(a.top[i].row, b.top[i].row);
    ASSERT_EQ(a.samples.size(), b.samples.size());
    for (std::size_t i = 0; i < a.samples.size(); ++i) EXPECT_EQ(a.samples[i].row, b.samples[i].row);
  }
}

TEST(LatentCollector, ConstantRowLengthReadsAsOffsetsDo) {
  Store store;
  for (std::int32_t r = 0; r < 30; ++r) {
    store.row(r, r + 1, 0, {{r % 3, 1.0f + static_cast<float>(r % 4)}, {5, 0.0f}});
  }
  LatentCollector with_offsets(small_options(), {}, 0), with_k(small_options(), {}, 0);
  store.feed(with_offsets, 0, store.rows());
  with_k.add({.tokens = store.tokens,
              .positions = store.positions,
              .documents = store.documents,
              .latents = store.latents,
              .values = store.values,
              .row_offsets = {},
              .k = 2});
  with_offsets.finish();
  with_k.finish();
  for (std::size_t latent = 0; latent < kLatents; ++latent) {
    EXPECT_EQ(with_offsets.records()[latent].firings, with_k.records()[latent].firings);
    EXPECT_EQ(with_offsets.records()[latent].sum, with_k.records()[latent].sum);
  }
  EXPECT_EQ(with_k.records()[5].firings, 0u) << "an entry of value 0 is not a firing";
}

TEST(LatentCollector, SamplesAreEvenOverTheStore) {
  // Every latent fires on every row: the mean place of the samples estimates the middle. 200 latents x 10
  // samples of a uniform place in [0, 1): standard error 0.289 / sqrt(2000) = 0.0065.
  constexpr std::int32_t kMany = 200;
  Store store;
  std::map<std::int32_t, float> codes;
  for (std::int32_t latent = 0; latent < kMany; ++latent) codes[latent] = 1.0f;
  constexpr int kRows = 500;
  for (std::int32_t r = 0; r < kRows; ++r) store.row(0, r % 50, r / 50, codes);
  LatentCollector collector({.latents = kMany, .top = 1, .samples = 10, .before = 0, .after = 0, .seed = 5},
                            {}, 0);
  store.feed(collector, 0, store.rows());
  collector.finish();
  double sum = 0.0;
  for (const LatentRecord& record : collector.records()) {
    ASSERT_EQ(record.samples.size(), 10u);
    for (const LatentFiring& firing : record.samples) sum += (static_cast<double>(firing.row) + 0.5) / kRows;
  }
  EXPECT_NEAR(sum / (kMany * 10), 0.5, 4 * 0.0065);
}

TEST(LatentCollector, RefusesWhatItCannotUse) {
  const auto make = [] { return LatentCollector({.latents = 4}, {}, 0); };
  const std::vector<std::int32_t> one{0};
  const auto rows = [&](std::span<const std::int32_t> latents, std::span<const float> values) {
    return CodedRows{.tokens = one,
                     .positions = one,
                     .documents = one,
                     .latents = latents,
                     .values = values,
                     .row_offsets = {},
                     .k = 1};
  };
  const std::vector<std::int32_t> outside{4}, inside{1}, negative{-1};
  const std::vector<float> value{1.0f}, nan{std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> infinite{std::numeric_limits<float>::infinity()};
  EXPECT_THROW(make().add(rows(outside, value)), Error);
  EXPECT_THROW(make().add(rows(negative, value)), Error);
  EXPECT_THROW(make().add(rows(inside, nan)), Error);
  EXPECT_THROW(make().add(rows(inside, infinite)), Error);
  EXPECT_THROW(make().add(rows({}, {})), Error) << "k promises an entry that is not there";
  CodedRows lying = rows(inside, value);
  const std::vector<std::int32_t> offsets{0, 1000};
  lying.row_offsets = offsets;
  EXPECT_THROW(make().add(lying), Error);
  lying = rows(inside, value);
  lying.positions = negative;
  EXPECT_THROW(make().add(lying), Error);
  lying.positions = {};
  EXPECT_THROW(make().add(lying), Error);
  EXPECT_NO_THROW(make().add(rows(inside, value)));
  EXPECT_THROW(LatentCollector({.latents = 0}, {}, 0), Error);
  EXPECT_THROW(LatentCollector({.latents = 4, .top = -1}, {}, 0), Error);
  EXPECT_THROW(LatentCollector({.latents = 4}, outside, 4), Error);
}

}  // namespace
}  // namespace polysem
