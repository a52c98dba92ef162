// Every instruction set of this build that the processor has, against plain loops in double.
#include "backends/onednn/kernels/kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "polysem/dtype.hpp"
#include "polysem/random.hpp"

namespace polysem::onednn {
namespace {

std::vector<const Kernels*> all_kernels() {
  std::vector<const Kernels*> list;
  for (const char* name : {"generic", "avx2", "avx512"})
    if (const Kernels* found = find_kernels(name)) list.push_back(found);
  return list;
}

std::vector<float> normals(std::size_t n, std::uint32_t substream) {
  const Random random(1, RandomStream::kData, substream);
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = random.normal(i);
  return values;
}

// Lengths around the widths of all vectors, and longer than the unrolled loops.
const std::int64_t kLengths[] = {1, 3, 4, 7, 8, 15, 16, 17, 31, 63, 64, 65, 576, 1001};

TEST(OneDnnKernels, TheGenericSetIsAlwaysThere) {
  ASSERT_NE(find_kernels("generic"), nullptr);
  EXPECT_EQ(find_kernels("no such set"), nullptr);
}

TEST(OneDnnKernels, RoundingToBf16IsThatOfTheLibrary) {
  std::vector<float> values = normals(1001, 1);
  values[0] = std::numeric_limits<float>::quiet_NaN(), values[1] = -0.0f;
  values[2] = std::numeric_limits<float>::infinity(), values[3] = std::numeric_limits<float>::max();
  values[4] = 1.00390625f;  // halfway between two bf16: to even
  for (const Kernels* k : all_kernels()) {
    std::vector<std::uint16_t> low(values.size());
    k->narrow(values.data(), low.data(), static_cast<std::int64_t>(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(low[i], to_bf16(values[i])) << k->name << ' ' << i;
  }
}

TEST(OneDnnKernels, SumsOfExponentialsAreExactToFewUlps) {
  for (const Kernels* k : all_kernels()) {
    for (float x = -87.0f; x <= 0.0f; x += 0.37f) {
      const double expected = std::exp(double{x});
      EXPECT_NEAR(k->sum_exp(&x, 0.0f, 1), expected, 3e-7 * expected) << k->name << " e^" << x;
    }
    const float low = -200.0f;
    EXPECT_EQ(k->sum_exp(&low, 0.0f, 1), 0.0f) << k->name;
  }
}

TEST(OneDnnKernels, DotProductsAndWeightedRowsMatchLoopsInDouble) {
  const std::vector<std::int32_t> ids = {2, 0, 2, 1, 3};
  const std::vector<float> weights = {0.5f, -1.0f, 2.0f, 0.0f, 3.0f};
  for (const Kernels* k : all_kernels()) {
    for (const std::int64_t n : kLengths) {
      const auto table = normals(static_cast<std::size_t>(4 * n), 2),
                 a = normals(static_cast<std::size_t>(n), 3);
      const Rows rows{table.data(), n, false};
      std::vector<float> sum(static_cast<std::size_t>(n)), dots(ids.size());
      k->weighted_rows(weights.data(), ids.data(), 5, rows, sum.data(), n, false);
      k->dots(a.data(), rows, weights.data(), ids.data(), 5, dots.data(), n);
      for (std::size_t c = 0; c < sum.size(); ++c) {
        double expected = 0;
        for (std::size_t i = 0; i < ids.size(); ++i)
          expected += double{weights[i]} * table[static_cast<std::size_t>(ids[i]) * sum.size() + c];
        EXPECT_NEAR(sum[c], expected, 1e-5) << k->name << " n " << n;
      }
      for (std::size_t i = 0; i < ids.size(); ++i) {
        double expected = 0;
        for (std::size_t c = 0; c < a.size(); ++c)
          expected += double{a[c]} * table[static_cast<std::size_t>(ids[i]) * a.size() + c];
        EXPECT_NEAR(dots[i], weights[i] > 0 ? expected : 0.0, 1e-4) << k->name << " n " << n;
      }
    }
  }
}

TEST(OneDnnKernels, BlockProductsMatchLoopsInDouble) {
  for (const Kernels* k : all_kernels()) {
    for (const std::int64_t m : {1, 5, 6, 7, 13}) {
      const std::int64_t n = 80, depth = 33;
      const auto a = normals(static_cast<std::size_t>(m * depth), 4),
                 b = normals(static_cast<std::size_t>(depth * n), 5);
      std::vector<float> c(static_cast<std::size_t>(m * n), 1.0f);
      k->block_product(a.data(), depth, b.data(), n, c.data(), n, m, n, depth, true);
      for (std::int64_t i = 0; i < m * n; ++i) {
        double expected = 1;
        for (std::int64_t p = 0; p < depth; ++p)
          expected += double{a[static_cast<std::size_t>(i / n * depth + p)]} *
                      b[static_cast<std::size_t>(p * n + i % n)];
        EXPECT_NEAR(c[static_cast<std::size_t>(i)], expected, 1e-4) << k->name << " m " << m;
      }
    }
  }
}

TEST(OneDnnKernels, KthLargestIsThatOfASort) {
  for (const Kernels* k : all_kernels()) {
    for (const std::int64_t n : kLengths) {
      std::vector<float> values = normals(static_cast<std::size_t>(n), 8);
      for (std::size_t i = 0; i < values.size(); i += 5) values[i] = values[0];
      if (n > 6) values[3] = -INFINITY, values[6] = INFINITY;
      std::vector<float> sorted = values;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      for (const std::int64_t place : {std::int64_t{1}, (n + 1) / 2, n}) {
        std::vector<float> scratch = values;
        EXPECT_EQ(k->kth_largest(scratch.data(), n, place), sorted[static_cast<std::size_t>(place - 1)])
            << k->name << " n " << n << " k " << place;
      }
    }
  }
}

TEST(OneDnnKernels, RoundedRowsSayWhatWasLost) {
  for (const Kernels* k : all_kernels()) {
    for (const std::int64_t n : kLengths) {
      std::vector<float> values = normals(static_cast<std::size_t>(n), 9);
      values.back() = 1e-39f;  // a denormal, which counts as lost
      std::vector<std::uint16_t> low(values.size());
      const RoundedRow found = k->round_row(values.data(), low.data(), n);
      double all = 0, taken = 0, left = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_EQ(low[i], to_bf16(values[i]));
        const double kept = i + 1 == values.size() ? 0.0 : from_bf16(low[i]);
        all += double{values[i]} * values[i], left += kept * kept;
        taken += (values[i] - kept) * (values[i] - kept);
      }
      EXPECT_NEAR(found.all, all, 1e-5 * all + 1e-30) << k->name << " n " << n;
      EXPECT_NEAR(found.taken, taken, 1e-5 * taken + 1e-30) << k->name << " n " << n;
      EXPECT_NEAR(found.left, left, 1e-5 * left + 1e-30) << k->name << " n " << n;
    }
  }
}

TEST(OneDnnKernels, ScanFindsWhatIsAboveTheThreshold) {
  const std::int64_t latents = 50, rows = 37, capacity = 50;
  const auto product = normals(static_cast<std::size_t>(latents * rows), 6);
  const std::vector<float> bias(50, 0.25f), threshold(37, 0.5f);
  for (const Kernels* k : all_kernels()) {
    std::vector<float> unfit(37, 0.0f);
    std::vector<std::int32_t> count(37, 0);
    std::vector<Candidate> found(static_cast<std::size_t>(rows * capacity));
    ScanTile tile{};
    tile.product = product.data(), tile.latents = latents, tile.rows = rows, tile.bias = bias.data();
    tile.first = 100, tile.threshold = threshold.data(), tile.unfit = unfit.data(), tile.count = count.data();
    tile.found = found.data(), tile.capacity = capacity;
    k->scan(tile);
    for (std::int64_t r = 0; r < rows; ++r) {
      std::int32_t expected = 0;
      for (std::int64_t j = 0; j < latents; ++j) {
        const float h = product[static_cast<std::size_t>(j * rows + r)] + 0.25f;
        if (!(h > 0.5f)) continue;
        const Candidate& c = found[static_cast<std::size_t>(r * capacity + expected++)];
        EXPECT_EQ(c.latent(), 100 + j) << k->name;
        EXPECT_EQ(c.value, h) << k->name;
      }
      EXPECT_EQ(count[static_cast<std::size_t>(r)], expected) << k->name;
      EXPECT_EQ(unfit[static_cast<std::size_t>(r)], 0.0f);
    }
  }
}

TEST(OneDnnKernels, RandomWordsAreThoseOfTheLibrary) {
  const Random random(0x123456789abcdefu, RandomStream::kData, 3);
  const PhiloxStream stream{{0x89abcdefu, 0x01234567u}, static_cast<std::uint32_t>(RandomStream::kData), 3};
  for (const Kernels* k : all_kernels()) {
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{5}, (std::uint64_t{1} << 34) - 7}) {
      for (const std::int64_t n : kLengths) {
        std::vector<std::uint32_t> words(static_cast<std::size_t>(n));
        k->random_words(stream, first, words.data(), n);
        for (std::size_t i = 0; i < words.size(); ++i)
          ASSERT_EQ(words[i], random.bits(first + i)) << k->name << " n " << n << " word " << i;
      }
    }
  }
}

TEST(OneDnnKernels, SparseFeaturesAreBelowTheirThreshold) {
  const std::vector<std::uint32_t> words = {0, 1, 99, 100, 101, 0x7fffffffu, 0x80000000u, 0xffffffffu};
  const auto n = static_cast<std::int64_t>(words.size());
  for (const Kernels* k : all_kernels()) {
    for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{100}, std::uint64_t{1} << 32}) {
      std::vector<float> plain(words.size()), symmetric(words.size());
      k->sparse_uniform(words.data(), plain.data(), n, limit, false);
      k->sparse_uniform(words.data(), symmetric.data(), n, limit, true);
      for (std::size_t i = 0; i < words.size(); ++i) {
        const double value = static_cast<double>(words[i]) / static_cast<double>(limit);
        EXPECT_NEAR(plain[i], words[i] < limit ? value : 0, 1e-6) << k->name << ' ' << words[i];
        EXPECT_NEAR(symmetric[i], words[i] < limit ? 2 * value - 1 : 0, 1e-6) << k->name << ' ' << words[i];
      }
    }
  }
}

TEST(OneDnnKernels, ProductsOverSamplesMatchLoopsInDouble) {
  constexpr std::int64_t kSamples = 64;
  for (const Kernels* k : all_kernels()) {
    for (std::int64_t rows = 1; rows <= 7; ++rows) {
      for (std::int64_t cols = 1; cols <= 6; ++cols) {
        const auto a = normals(static_cast<std::size_t>(rows * kSamples), 4),
                   b = normals(static_cast<std::size_t>(cols * kSamples), 5);
        std::vector<float> c(static_cast<std::size_t>(rows * cols), 1.0f);
        k->sample_product({a.data(), kSamples, b.data(), kSamples, c.data(), cols, rows, cols, kSamples});
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t j = 0; j < cols; ++j) {
            double expected = 1;
            for (std::int64_t s = 0; s < kSamples; ++s)
              expected += double{a[static_cast<std::size_t>(r * kSamples + s)]} *
                          b[static_cast<std::size_t>(j * kSamples + s)];
            EXPECT_NEAR(c[static_cast<std::size_t>(r * cols + j)], expected, 1e-4) << k->name;
          }
        }
      }
    }
  }
}

TEST(OneDnnKernels, ErrorsOfToyOutputsMatchTheFormula) {
  const auto z = normals(32, 6), x = normals(32, 7);
  for (const Kernels* k : all_kernels()) {
    for (int form = 0; form < 4; ++form) {
      const bool relu = form & 1, absolute = form & 2;
      std::vector<float> gradient = z;
      const OutputError found = k->toy_error(gradient.data(), x.data(), 32, 0.25f, 0.5f, relu, absolute);
      double loss = 0, sum = 0;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const double pre = double{z[i]} + 0.25, y = relu ? std::max(pre, 0.0) : pre;
        const double error = y - (absolute ? std::abs(x[i]) : x[i]);
        const double expected = relu && pre <= 0 ? 0 : error;
        loss += 0.5 * error * error, sum += expected;
        EXPECT_NEAR(gradient[i], expected, 1e-5) << k->name << " form " << form;
      }
      EXPECT_NEAR(found.loss, loss, 1e-4) << k->name;
      EXPECT_NEAR(found.bias_grad, sum, 1e-4) << k->name;
    }
  }
}

}  // namespace
}  // namespace polysem::onednn
