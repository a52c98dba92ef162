#include "polysem/core_conversion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "polysem/error.hpp"
#include "polysem/evaluate_coder.hpp"

namespace polysem {

namespace {

constexpr std::size_t kBatch = 256;  // positions that polysem::core takes at once

class Range final : public RowSource {
 public:
  explicit Range(const RowRange& range) : range_(range) {}
  std::int64_t rows() const override { return range_.count; }
  std::int64_t dim() const override { return range_.source->dim(); }
  std::uint64_t bytes() const override { return range_.source->bytes(); }
  std::string identity() const override { return range_.source->identity(); }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    std::vector<std::int64_t> moved(ids.begin(), ids.end());
    for (std::int64_t& id : moved) id += range_.first;
    range_.source->read(moved, out);
  }

 private:
  RowRange range_;
};

/// Activations of all latents of a model, a few rows at a time.
class DenseEncoder {
 public:
  explicit DenseEncoder(const CoreModel& model)
      : model_(&model), state_(model, config()), f_(kBatch * model.get().latents) {}

  /// `visit` gets each row's number in `x` and its activations.
  template <class Visit>
  void encode(std::span<const float> x, const Visit& visit) {
    const std::size_t width = model_->get().d_in, latents = model_->get().latents, rows = x.size() / width;
    for (std::size_t first = 0; first < rows; first += kBatch) {
      const std::size_t count = std::min(kBatch, rows - first);
      const polysem_status status =
          polysem_encode(state_.get(), polysem_many(x.data() + first * width, count, width),
                         polysem_many_out(f_.data(), count, latents));
      if (status != POLYSEM_OK && status != POLYSEM_NON_FINITE)
        throw Error(ErrorCode::kFailed, "polysem::core: " + std::string(polysem_status_text(status)));
      for (std::size_t r = 0; r < count; ++r) visit(first + r, std::span(f_).subspan(r * latents, latents));
    }
  }

 private:
  static polysem_config config() {
    polysem_config config = {};
    config.batch = kBatch;
    return config;
  }
  const CoreModel* model_;
  CoreState state_;
  std::vector<float> f_;
};

/// Where the whole coder has the latents of a part. Both lists ascend; an empty one is that of all.
std::vector<std::uint32_t> rows_of(std::span<const std::uint32_t> part, std::size_t count,
                                   std::span<const std::uint32_t> whole) {
  std::vector<std::uint32_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t id = part.empty() ? static_cast<std::uint32_t>(i) : part[i];
    rows[i] =
        whole.empty()
            ? id
            : static_cast<std::uint32_t>(std::lower_bound(whole.begin(), whole.end(), id) - whole.begin());
  }
  return rows;
}

/// The inverse: where the part has each latent of the whole coder, or -1.
std::vector<std::int32_t> places_of(const std::vector<std::uint32_t>& rows, std::int64_t latents) {
  std::vector<std::int32_t> places(static_cast<std::size_t>(latents), -1);
  for (std::size_t i = 0; i < rows.size(); ++i) places.at(rows[i]) = static_cast<std::int32_t>(i);
  return places;
}

/// Calls `visit(place, value)` for the active latents of a row that the part has.
template <class Visit>
void for_active(const EncodedRows& rows, std::size_t row, const std::vector<std::int32_t>& places,
                const Visit& visit) {
  for (auto i = static_cast<std::size_t>(rows.row_begin[row]);
       i < static_cast<std::size_t>(rows.row_begin[row + 1]); ++i) {
    const std::int32_t place = places[static_cast<std::size_t>(rows.ids[i])];
    if (rows.values[i] > 0 && place >= 0) visit(static_cast<std::size_t>(place), rows.values[i]);
  }
}

/// The activations of one latent: apart for rows where TopK chose it and rows where it did not.
struct Seen {
  std::vector<float> chosen, others;
  float least_chosen = std::numeric_limits<float>::infinity();
  float below_chosen = 0;  // the largest of the others that is less than that
  float largest = 0;       // of all
};

/// The threshold with the largest F1 = 2 hits / (hits + false ones + chosen), half-way between two values.
float best_threshold(Seen& seen) {
  if (seen.chosen.empty()) return seen.largest;
  std::sort(seen.chosen.begin(), seen.chosen.end(), std::greater<>());
  std::sort(seen.others.begin(), seen.others.end(), std::greater<>());
  double best = -1;
  float threshold = 0;
  std::size_t other = 0;
  for (std::size_t hit = 0; hit < seen.chosen.size(); ++hit) {
    const float value = seen.chosen[hit];
    while (other < seen.others.size() && seen.others[other] >= value) ++other;
    const double f1 =
        2.0 * static_cast<double>(hit + 1) / static_cast<double>(hit + 1 + other + seen.chosen.size());
    if (f1 <= best) continue;
    best = f1;
    float below = other < seen.others.size() ? seen.others[other] : seen.below_chosen;
    if (hit + 1 < seen.chosen.size()) below = std::max(below, seen.chosen[hit + 1]);
    threshold = below + (value - below) / 2;
    if (threshold >= value) threshold = below;
  }
  return threshold;
}

void expect_rows(const LoadedCoder& whole, const RowRange& rows) {
  if (rows.count < 1 || rows.first < 0 || rows.first + rows.count > rows.source->rows())
    throw Error(ErrorCode::kInvalidArgument, "there are no rows to measure on");
  if (whole.config.d_in != whole.config.d_out)
    throw Error(ErrorCode::kInvalidArgument, "a transcoder is not measured on its input");
  if (rows.source->dim() != whole.config.d_in)
    throw Error(ErrorCode::kBadInput,
                "the data has " + std::to_string(rows.source->dim()) + " dimensions, the coder reads " +
                    std::to_string(whole.config.d_in) + "; it was trained on other activations");
}

}  // namespace

std::int64_t calibrate_thresholds(Executor& executor, const LoadedCoder& whole, CoreCoder& part,
                                  polysem_dtype dtype, const RowRange& rows,
                                  const std::function<void(std::int64_t)>& on_progress) {
  expect_rows(whole, rows);
  part.activation = POLYSEM_RELU;  // to see all activations
  part.k = 0;
  part.threshold.clear();
  const CoreModel model(core_file_bytes(part, dtype), "thresholds");
  const auto places = places_of(rows_of(part.latent_ids, part.latents, {}), whole.config.latents);
  DenseEncoder encoder(model);
  std::vector<Seen> seen(part.latents);
  std::vector<char> chosen(part.latents);
  // Activations below the least that TopK chose of a latent decide nothing: they are looked for in a second
  // pass, so that what is kept is of the size of the codes.
  for (const bool first_pass : {true, false}) {
    encode_rows(
        executor, whole.config, whole.weights, Range(rows), rows.count, [&](const EncodedRows& batch) {
          encoder.encode(batch.x, [&](std::size_t r, std::span<const float> f) {
            std::fill(chosen.begin(), chosen.end(), 0);
            for_active(batch, r, places, [&](std::size_t place, float) { chosen[place] = 1; });
            for (std::size_t i = 0; i < f.size(); ++i) {
              Seen& s = seen[i];
              if (first_pass) {
                s.largest = std::max(s.largest, f[i]);
                if (chosen[i] != 0 && f[i] > 0)
                  s.chosen.push_back(f[i]), s.least_chosen = std::min(s.least_chosen, f[i]);
              } else if (chosen[i] == 0 && f[i] >= s.least_chosen) {
                s.others.push_back(f[i]);
              } else if (chosen[i] == 0) {
                s.below_chosen = std::max(s.below_chosen, f[i]);
              }
            }
          });
          const std::int64_t done = batch.first + static_cast<std::int64_t>(batch.row_begin.size()) - 1;
          if (on_progress) on_progress((first_pass ? done : done + rows.count) / 2);
        });
  }
  std::int64_t never = 0;
  for (Seen& s : seen) {
    never += s.chosen.empty() ? 1 : 0;
    part.threshold.push_back(best_threshold(s));
  }
  part.activation = POLYSEM_JUMPRELU;
  return never;
}

CoreQuality measure_core(Executor& executor, const LoadedCoder& whole,
                         std::span<const std::uint32_t> whole_ids, const CoreModel& model,
                         const RowRange& rows, const std::function<void(std::int64_t)>& on_progress) {
  expect_rows(whole, rows);
  const polysem_model& m = model.get();
  const std::span<const std::uint32_t> ids(m.latent_ids, m.latent_ids != nullptr ? m.latents : 0);
  const bool same = whole.config.latents == m.latents;
  const auto in_whole = same ? rows_of({}, m.latents, {}) : rows_of(ids, m.latents, whole_ids);
  const auto places = places_of(in_whole, whole.config.latents);
  const auto d_out = static_cast<std::size_t>(m.d_out);
  DenseEncoder encoder(model);
  CoreState state(model);
  ReconstructionMetrics before(m.d_out), after(m.d_out);
  std::vector<float> dense(m.latents), y(d_out), subset(d_out);
  std::vector<std::uint32_t> latents(m.latents);
  std::vector<float> values(m.latents);
  double both = 0, was = 0, is = 0;
  encode_rows(executor, whole.config, whole.weights, Range(rows), rows.count, [&](const EncodedRows& batch) {
    encoder.encode(batch.x, [&](std::size_t r, std::span<const float> f) {
      std::fill(dense.begin(), dense.end(), 0.0f);
      for_active(batch, r, places, [&](std::size_t place, float value) { dense[place] = value; });
      std::uint32_t count = 0;
      for (std::uint32_t i = 0; i < m.latents; ++i) {
        was += dense[i] > 0 ? 1 : 0;
        both += dense[i] > 0 && f[i] > 0 ? 1 : 0;
        if (f[i] > 0) latents[count] = i, values[count++] = f[i];
      }
      is += count;
      const auto x = batch.x.subspan(r * d_out, d_out);
      polysem_codes codes{latents.data(), values.data(), &count, 1, m.latents};
      polysem_decode(state.get(), &codes, polysem_one_out(y.data(), y.size()));
      after.add(x, y);
      if (same) {
        before.add(x, batch.reconstruction.subspan(r * d_out, d_out));
        return;
      }
      std::copy(whole.weights.b_dec.begin(), whole.weights.b_dec.end(), subset.begin());
      for (std::size_t i = 0; i < dense.size(); ++i)
        for (std::size_t d = 0; dense[i] > 0 && d < d_out; ++d)
          subset[d] += dense[i] * whole.weights.w_dec[std::size_t{in_whole[i]} * d_out + d];
      before.add(x, subset);
    });
    if (on_progress) on_progress(batch.first + static_cast<std::int64_t>(batch.row_begin.size()) - 1);
  });
  const double count = static_cast<double>(rows.count);
  return {.rows = rows.count,
          .fvu_before = before.result().fvu,
          .fvu_after = after.result().fvu,
          .l0_before = was / count,
          .l0_after = is / count,
          .agreement = was + is > 0 ? 2 * both / (was + is) : 1,
          .missed = was > 0 ? (was - both) / was : 0,
          .extra = is > 0 ? (is - both) / is : 0};
}

}  // namespace polysem
