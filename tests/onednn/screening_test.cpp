// Screened selection must choose exactly what a plain f32 product would. The expected choice is made here
// from every pre-activation, summed in f32 by the kernel that settles candidates: values must agree to the
// bit.
#include "backends/onednn/screening.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backends/onednn/kernels/kernels.hpp"
#include "polysem/executor.hpp"

namespace polysem::onednn {
namespace {

struct Data {
  std::int64_t rows, d, latents;
  std::vector<float> x, w, b, scale;
};

Data make(std::int64_t rows, std::int64_t d, std::int64_t latents) {
  return {rows,
          d,
          latents,
          std::vector<float>(static_cast<std::size_t>(rows * d)),
          std::vector<float>(static_cast<std::size_t>(latents * d)),
          std::vector<float>(static_cast<std::size_t>(latents)),
          {}};
}

void fill_normal(std::vector<float>& to, std::uint32_t substream, float scale = 1.0f) {
  const Random random(7, RandomStream::kData, substream);
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = scale * random.normal(i);
}

Data normal_data(std::int64_t rows = 150, std::int64_t d = 96, std::int64_t latents = 1500) {
  Data data = make(rows, d, latents);
  fill_normal(data.x, 1), fill_normal(data.w, 2, 0.1f), fill_normal(data.b, 3, 0.1f);
  return data;
}

// Latents that differ from one another by less than bf16 can tell, some of them not at all.
Data twins() {
  Data data = normal_data();
  const Random random(9, RandomStream::kNoise);
  for (std::size_t i = 0; i < data.w.size(); ++i) {
    const std::size_t latent = i / 96, of = latent % 5;
    data.w[i] = data.w[of * 96 + i % 96];
    if (latent % 3 != 0) data.w[i] *= 1.0f + 1e-5f * random.normal(i);
  }
  for (std::size_t j = 0; j < data.b.size(); ++j) data.b[j] = data.b[j % 5];
  return data;
}

// Small integers: all sums are exact, and there are many ties.
Data ties() {
  Data data = make(130, 64, 900);
  const Random random(3, RandomStream::kData);
  std::uint64_t i = 0;
  for (auto* list : {&data.x, &data.w, &data.b})
    for (float& v : *list) v = static_cast<float>(random.below(5, i++)) - 2.0f;
  return data;
}

// Parts that bf16 rounds away decide: x is 256 + small, w is 1 + small.
Data cancelling() {
  Data data = normal_data();
  for (std::size_t i = 0; i < data.x.size(); ++i)
    data.x[i] = (i % 2 == 0 ? 256.0f : -256.0f) + 0.1f * data.x[i];
  for (std::size_t i = 0; i < data.w.size(); ++i) data.w[i] = 1.0f + 1e-3f * data.w[i];
  return data;
}

Data magnitudes() {
  Data data = normal_data();
  for (std::size_t i = 0; i < data.x.size(); ++i)
    data.x[i] *= std::ldexp(1.0f, 3 * static_cast<int>(i / 96 % 80) - 120);
  return data;
}

Data scaled() {
  Data data = normal_data();
  data.scale.resize(data.b.size());
  fill_normal(data.scale, 4);
  for (float& s : data.scale) s = std::abs(s);
  data.scale[5] = 0.0f;
  return data;
}

// Rows and latents that cannot be screened.
Data wild() {
  Data data = normal_data();
  for (std::size_t i = 0; i < 96; ++i) data.x[7 * 96 + i] *= 1e36f, data.x[140 * 96 + i] *= 3e37f;
  data.x[20 * 96 + 3] = std::nanf("");
  data.x[33 * 96 + 95] = -INFINITY;
  data.w[700 * 96] = 1e30f;
  return data;
}

Data zeros() {
  Data data = make(130, 40, 300);
  for (std::size_t i = 0; i < data.w.size(); i += 2) data.w[i] = -0.0f;
  return data;
}

// Only the weights lose something to bf16.
Data exact_rows() {
  Data data = normal_data();
  for (float& v : data.x) v = std::round(2.0f * v);
  return data;
}

// The inputs are bf16 as they are, and all latents have the same weights in another order: what decides is
// how sums round.
Data permuted() {
  Data data = make(130, 96, 900);
  const Random random(5, RandomStream::kData);
  std::vector<float> weights(96);
  for (std::size_t i = 0; i < 96; ++i) weights[i] = from_bf16(to_bf16(random.normal(i)));
  for (std::size_t i = 0; i < data.x.size(); ++i)
    data.x[i] = from_bf16(to_bf16(1.0f + 0.1f * static_cast<float>(i / 96)));
  for (std::size_t j = 0; j < 900; ++j)
    for (std::size_t i = 0; i < 96; ++i) data.w[j * 96 + i] = weights[(i * (1 + 2 * (j % 16)) + j) % 96];
  return data;
}

// Every pre-activation is 1: the lowest rows and latents win.
Data equal() {
  Data data = make(130, 40, 3000);
  std::fill(data.b.begin(), data.b.end(), 1.0f);
  return data;
}

struct Named {
  const char* name;
  Data (*make)();
};
std::ostream& operator<<(std::ostream& out, const Named& n) { return out << n.name; }

struct Entry {
  std::int32_t row, latent;
  float value, rank;
};

bool better(const Entry& a, const Entry& b) {
  return std::tuple(-a.rank, a.row, a.latent) < std::tuple(-b.rank, b.row, b.latent);
}
bool before(const Entry& a, const Entry& b) {
  return std::pair(a.row, a.latent) < std::pair(b.row, b.latent);
}

class Screened : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    if (!Screening::possible(64, nullptr, 64)) GTEST_SKIP() << "this processor has no bf16 arithmetic";
    data_ = GetParam().make();
    backend_ = open_backend("onednn", 3);
    run_ = std::make_unique<Executor>(*backend_);
    x_ = run_->make_from(data_.rows, data_.d, data_.x);
    w_ = run_->make_from(data_.latents, data_.d, data_.w);
    b_ = run_->make_from(1, data_.latents, data_.b);
    if (!data_.scale.empty()) scale_ = run_->make_from(1, data_.latents, data_.scale);
    nonfinite_ = run_->zeros(1, 1, DType::kU32);
    for (std::int64_t r = 0; r < data_.rows; ++r) add_row(r);
  }

  void add_row(std::int64_t r) {
    const auto n = static_cast<std::size_t>(data_.latents);
    std::vector<std::int32_t> ids(n);
    std::iota(ids.begin(), ids.end(), 0);
    const std::vector<float> ones(n, 1.0f);
    std::vector<float> dots(n);
    kernels().dots(data_.x.data() + r * data_.d, {data_.w.data(), data_.d, false}, ones.data(), ids.data(),
                   data_.latents, dots.data(), data_.d);
    std::vector<Entry> row;
    for (std::size_t j = 0; j < n; ++j) {
      const float h = dots[j] + data_.b[j];
      if (!std::isfinite(h)) {
        ++unfit_rows_;
        return;
      }
      const float rank = data_.scale.empty() ? h : h * data_.scale[j];
      row.push_back({static_cast<std::int32_t>(r), static_cast<std::int32_t>(j), h, rank});
    }
    all_.insert(all_.end(), row.begin(), row.end());
  }

  void expect_entries(std::vector<Entry> expected, const Array& values, const Array& ids,
                      const Array& offsets) {
    std::sort(expected.begin(), expected.end(), before);
    const auto v = run_->download_f32(values);
    const auto i = run_->download_i32(ids), o = run_->download_i32(offsets);
    ASSERT_EQ(static_cast<std::size_t>(o.back()), expected.size());
    for (std::size_t e = 0; e < expected.size(); ++e) {
      ASSERT_EQ(i[e], expected[e].latent) << "row " << expected[e].row;
      ASSERT_EQ(v[e], expected[e].value) << "row " << expected[e].row << ", latent " << i[e];
      const auto r = static_cast<std::size_t>(expected[e].row);
      ASSERT_TRUE(o[r] <= static_cast<int>(e) && static_cast<int>(e) < o[r + 1]);
    }
    EXPECT_EQ(run_->download_u32(nonfinite_)[0], unfit_rows_);
  }

  Data data_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Executor> run_;
  Array x_, w_, b_, scale_, nonfinite_;
  std::vector<Entry> all_;
  std::uint32_t unfit_rows_ = 0;
};

TEST_P(Screened, TopKIsThatOfAPlainProduct) {
  for (const std::int64_t k : {1, 32, 200}) {
    std::vector<std::vector<Entry>> rows(static_cast<std::size_t>(data_.rows));
    for (const Entry& e : all_) rows[static_cast<std::size_t>(e.row)].push_back(e);
    const Array values = run_->make(1, data_.rows * k), ids = run_->make(1, data_.rows * k, DType::kI32);
    run_->run(EncodeTopK{.rows = data_.rows, .d_in = data_.d, .latents = data_.latents, .k = k},
              {.x = x_,
               .w_enc = w_,
               .b_enc = b_,
               .scale = scale_,
               .candidates = {},
               .values = values,
               .ids = ids,
               .nonfinite = {}});
    const auto v = run_->download_f32(values);
    const auto i = run_->download_i32(ids);
    for (std::int64_t r = 0; r < data_.rows; ++r) {
      auto& row = rows[static_cast<std::size_t>(r)];
      if (row.empty()) continue;
      std::partial_sort(row.begin(), row.begin() + k, row.end(), better);
      row.resize(static_cast<std::size_t>(k));
      std::sort(row.begin(), row.end(), before);
      for (std::int64_t e = 0; e < k; ++e) {
        const Entry& expected = row[static_cast<std::size_t>(e)];
        const auto at = static_cast<std::size_t>(r * k + e);
        ASSERT_EQ(i[at], expected.latent) << "row " << r << " k " << k;
        ASSERT_EQ(v[at], std::max(expected.value, 0.0f)) << "row " << r << " latent " << i[at];
      }
    }
  }
}

TEST_P(Screened, BatchTopKIsThatOfAPlainProduct) {
  std::vector<Entry> positive;
  for (const Entry& e : all_)
    if (e.value > 0 && e.rank > 0) positive.push_back(e);
  for (const std::int64_t total : {std::int64_t{1}, 20 * data_.rows, data_.rows * data_.latents}) {
    const Array values = run_->make(1, total), ids = run_->make(1, total, DType::kI32),
                offsets = run_->make(1, data_.rows + 1, DType::kI32), threshold = run_->make(1, 1);
    nonfinite_ = run_->zeros(1, 1, DType::kU32);
    run_->run(EncodeBatchTopK{.rows = data_.rows, .d_in = data_.d, .latents = data_.latents, .total = total},
              {.x = x_,
               .w_enc = w_,
               .b_enc = b_,
               .scale = scale_,
               .values = values,
               .ids = ids,
               .row_offsets = offsets,
               .threshold = threshold,
               .nonfinite = nonfinite_});
    std::vector<Entry> best = positive;
    std::sort(best.begin(), best.end(), better);
    best.resize(std::min(best.size(), static_cast<std::size_t>(total)));
    EXPECT_EQ(run_->download_f32(threshold)[0], best.empty() ? 0.0f : best.back().rank);
    expect_entries(best, values, ids, offsets);
  }
}

TEST_P(Screened, ThresholdsAreComparedWithAPlainProduct) {
  // Each latent's threshold is one of its pre-activations, so that equality occurs.
  std::vector<float> threshold(static_cast<std::size_t>(data_.latents), 0.5f);
  const std::int64_t finite_rows = data_.rows - unfit_rows_;
  for (std::size_t j = 0; j < threshold.size() && finite_rows > 0; ++j) {
    const auto row = static_cast<std::int64_t>(j * 31) % finite_rows;
    threshold[j] = std::max(0.0f, all_[static_cast<std::size_t>(row * data_.latents) + j].value);
  }
  const float band = 0.25f;
  std::vector<Entry> active, in_band;
  for (const Entry& e : all_) {
    const float theta = threshold[static_cast<std::size_t>(e.latent)];
    if (e.value > 0 && e.value > theta) active.push_back(e);
    if (e.value > 0 && e.value > theta - band / 2 && e.value < theta + band / 2)
      in_band.push_back({e.row, e.latent, 1 / band, e.rank});
  }
  const Array theta = run_->make_from(1, data_.latents, threshold);
  const auto size = data_.rows * data_.latents;
  const auto actives = static_cast<std::int64_t>(active.size()),
             band_size = static_cast<std::int64_t>(in_band.size());
  const std::pair<std::int64_t, std::int64_t> kCapacities[] = {
      {size, size}, {actives - 1, band_size}, {0, 0}};
  for (const auto& [capacity, band_capacity] : kCapacities) {
    if (capacity < 0) continue;
    const Array values = run_->make(1, capacity), ids = run_->make(1, capacity, DType::kI32),
                offsets = run_->make(1, data_.rows + 1, DType::kI32),
                band_values = run_->make(1, band_capacity),
                band_ids = run_->make(1, band_capacity, DType::kI32),
                band_offsets = run_->make(1, data_.rows + 1, DType::kI32),
                needed = run_->make(1, 2, DType::kU32);
    nonfinite_ = run_->zeros(1, 1, DType::kU32);
    run_->run(EncodeThreshold{.rows = data_.rows,
                              .d_in = data_.d,
                              .latents = data_.latents,
                              .capacity = capacity,
                              .band_capacity = band_capacity,
                              .band = band},
              {.x = x_,
               .w_enc = w_,
               .b_enc = b_,
               .threshold = theta,
               .values = values,
               .ids = ids,
               .row_offsets = offsets,
               .band_values = band_values,
               .band_ids = band_ids,
               .band_offsets = band_offsets,
               .needed = needed,
               .nonfinite = nonfinite_});
    EXPECT_EQ(run_->download_u32(needed),
              (std::vector<std::uint32_t>{static_cast<std::uint32_t>(active.size()),
                                          static_cast<std::uint32_t>(in_band.size())}));
    expect_entries(actives <= capacity ? active : std::vector<Entry>(), values, ids, offsets);
    expect_entries(band_size <= band_capacity ? in_band : std::vector<Entry>(), band_values, band_ids,
                   band_offsets);
  }
}

INSTANTIATE_TEST_SUITE_P(Data, Screened,
                         testing::Values(Named{"normal", [] { return normal_data(); }},
                                         Named{"one_row", [] { return normal_data(1); }},
                                         Named{"twins", twins}, Named{"ties", ties},
                                         Named{"cancelling", cancelling}, Named{"magnitudes", magnitudes},
                                         Named{"scaled", scaled}, Named{"wild", wild}, Named{"zeros", zeros},
                                         Named{"equal", equal}, Named{"exact_rows", exact_rows},
                                         Named{"permuted", permuted}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace polysem::onednn
