#include "backends/onednn/latent_sums.hpp"

#include <algorithm>
#include <utility>

namespace polysem::onednn {

namespace {

// g += s, with g = s where nothing is there yet.
void add(const float* s, float* g, std::int64_t n) {
  kernels().elementwise(ElementKind::kAxpby, g, s, 0.0f, g, n, 1.0f, 1.0f);
}

}  // namespace

LatentSums::LatentSums(Context& context, const Shape& shape, const Rows& x, std::vector<List> lists)
    : shape_(shape),
      x_(x),
      lists_(std::move(lists)),
      spare_(context.per_thread<float>(shape.d_in + shape.d_out + 1)) {
  std::int64_t segments = 0;
  for (std::size_t l = 0; l < lists_.size(); ++l) {
    for (std::int64_t j = 0; j < shape_.latents; ++j) {
      const std::int64_t count = lists_[l].codes.count(j);
      if (count <= 2 * kSegment) continue;
      hot_.push_back({l, j, segments, (count + kSegment - 1) / kSegment});
      segments += hot_.back().segments;
    }
  }
  if (segments == 0) return;
  partial_ = context.scratch.take<float>(segments * segment_size());
  sum_hot(context);
}

void LatentSums::sum_hot(Context&) {
  std::vector<std::pair<const Hot*, std::int64_t>> work;
  for (const Hot& hot : hot_)
    for (std::int64_t s = 0; s < hot.segments; ++s) work.emplace_back(&hot, s);
  Context::parallel(static_cast<std::int64_t>(work.size()), [&](std::int64_t i) {
    const auto& [hot, segment] = work[static_cast<std::size_t>(i)];
    const List& list = lists_[hot->list];
    const std::int64_t begin = list.codes.begin[hot->latent] + segment * kSegment;
    const std::int64_t end = std::min<std::int64_t>(list.codes.begin[hot->latent + 1], begin + kSegment);
    float* to = partial_ + (hot->first_segment + segment) * segment_size();
    to[shape_.d_in + shape_.d_out] = sum_segment(list, begin, end, to, to + shape_.d_in);
  });
}

float LatentSums::sum_segment(const List& list, std::int64_t begin, std::int64_t end, float* g_enc,
                              float* g_dec) const {
  float values[kSegment], gradients[kSegment];
  float g_b = 0.0f;
  const std::int64_t count = end - begin;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t entry = list.codes.entries[begin + i];
    values[i] = list.decoder_scale * list.codes.values[entry];
    gradients[i] = list.codes.gradient[entry];
    g_b += gradients[i];
  }
  const std::int32_t* rows = list.codes.entry_rows + begin;
  kernels().weighted_rows(gradients, rows, count, x_, g_enc, shape_.d_in, false);
  kernels().weighted_rows(values, rows, count, list.codes.error, g_dec, shape_.d_out, false);
  return g_b;
}

const LatentSums::Hot* LatentSums::find_hot(std::size_t list, std::int64_t latent) const {
  const auto before = [](const Hot& hot, const std::pair<std::size_t, std::int64_t>& key) {
    return std::pair(hot.list, hot.latent) < key;
  };
  const auto place = std::lower_bound(hot_.begin(), hot_.end(), std::pair(list, latent), before);
  return place != hot_.end() && place->list == list && place->latent == latent ? &*place : nullptr;
}

float LatentSums::sum(std::int64_t latent, float* g_enc, float* g_dec) const {
  float* spare = spare_.of(Context::thread());
  float g_b = 0.0f;
  bool first = true;
  const auto join = [&](const float* enc, const float* dec, float b) {
    add(enc, g_enc, shape_.d_in);
    add(dec, g_dec, shape_.d_out);
    g_b += b;
  };
  for (std::size_t l = 0; l < lists_.size(); ++l) {
    const List& list = lists_[l];
    const std::int64_t begin = list.codes.begin[latent], end = list.codes.begin[latent + 1];
    const Hot* hot = end - begin > 2 * kSegment ? find_hot(l, latent) : nullptr;
    std::int64_t segment = 0;
    for (std::int64_t at = begin; at < end; at += kSegment, ++segment) {
      const std::int64_t stop = std::min(end, at + kSegment);
      if (hot == nullptr && first) {
        g_b = sum_segment(list, at, stop, g_enc, g_dec);
        first = false;
        continue;
      }
      if (first) std::fill_n(g_enc, shape_.d_in, 0.0f), std::fill_n(g_dec, shape_.d_out, 0.0f);
      first = false;
      if (hot != nullptr) {
        const float* part = partial_ + (hot->first_segment + segment) * segment_size();
        join(part, part + shape_.d_in, part[shape_.d_in + shape_.d_out]);
      } else {
        const float b = sum_segment(list, at, stop, spare, spare + shape_.d_in);
        join(spare, spare + shape_.d_in, b);
      }
    }
  }
  if (first) std::fill_n(g_enc, shape_.d_in, 0.0f), std::fill_n(g_dec, shape_.d_out, 0.0f);
  return g_b;
}

}  // namespace polysem::onednn
