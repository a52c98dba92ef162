#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

template <class T>
struct List {
  const float* weights;
  const std::int32_t* ids;
  std::int64_t count;
  const T* table;
  std::int64_t stride;
};

// `Vectors` registers of sums; the list is walked once for them.
template <int Vectors, class T>
POLYSEM_INLINE void sum_block(const List<T>& list, std::int64_t first, float* out, bool accumulate) {
  V acc[Vectors];
  for (int u = 0; u < Vectors; ++u) acc[u] = accumulate ? load(out + first + u * kLanes) : V{};
  for (std::int64_t i = 0; i < list.count; ++i) {
    const T* row = list.table + list.ids[i] * list.stride + first;
    if (i + 2 < list.count)  // rows lie far apart: ask for them early
      for (int u = 0; u < Vectors; ++u)
        __builtin_prefetch(list.table + list.ids[i + 2] * list.stride + first + u * kLanes);
    const float w = list.weights[i];
    for (int u = 0; u < Vectors; ++u) acc[u] = acc[u] + w * load(row + u * kLanes);
  }
  for (int u = 0; u < Vectors; ++u) store(out + first + u * kLanes, acc[u]);
}

template <class T>
POLYSEM_INLINE void sum_tail(const List<T>& list, std::int64_t first, std::int64_t n, float* out,
                             bool accumulate) {
  V acc = accumulate ? load(out + first, n) : V{};
  for (std::int64_t i = 0; i < list.count; ++i)
    acc = acc + list.weights[i] * load(list.table + list.ids[i] * list.stride + first, n);
  store(out + first, acc, n);
}

template <class T>
POLYSEM_INLINE void sum_rows(const List<T>& list, float* out, std::int64_t n, bool accumulate) {
  constexpr int kMost = kLanes == 4 ? 8 : 12;
  std::int64_t i = 0;
  for (; i + kMost * kLanes <= n; i += kMost * kLanes) sum_block<kMost>(list, i, out, accumulate);
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) sum_block<4>(list, i, out, accumulate);
  for (; i + kLanes <= n; i += kLanes) sum_block<1>(list, i, out, accumulate);
  if (i < n) sum_tail(list, i, n - i, out, accumulate);
}

}  // namespace

namespace {

// `ahead` is the row that comes next: rows lie far apart, so ask for it early.
template <class T>
POLYSEM_INLINE float dot_of(const float* a, const T* b, const T* ahead, std::int64_t n) {
  V acc[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int u = 0; u < 4; ++u) __builtin_prefetch(ahead + i + u * kLanes);
    for (int u = 0; u < 4; ++u) acc[u] = acc[u] + load(a + i + u * kLanes) * load(b + i + u * kLanes);
  }
  for (; i + kLanes <= n; i += kLanes) acc[0] = acc[0] + load(a + i) * load(b + i);
  if (i < n) acc[1] = acc[1] + load(a + i, n - i) * load(b + i, n - i);
  return sum((acc[0] + acc[1]) + (acc[2] + acc[3]));
}

template <class T>
POLYSEM_INLINE void dot_rows(const float* a, const T* table, std::int64_t stride, const float* select,
                             const std::int32_t* ids, std::int64_t count, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < count; ++i) {
    const T* ahead = table + ids[i + 2 < count ? i + 2 : i] * stride;
    out[i] = select[i] > 0.0f ? dot_of(a, table + ids[i] * stride, ahead, n) : 0.0f;
  }
}

}  // namespace

void dots(const float* a, const Rows& table, const float* select, const std::int32_t* ids, std::int64_t count,
          float* out, std::int64_t n) {
  if (table.bf16) {
    dot_rows(a, static_cast<const std::uint16_t*>(table.data), table.stride, select, ids, count, out, n);
  } else {
    dot_rows(a, static_cast<const float*>(table.data), table.stride, select, ids, count, out, n);
  }
}

void weighted_rows(const float* weights, const std::int32_t* ids, std::int64_t count, const Rows& table,
                   float* out, std::int64_t n, bool accumulate) {
  if (table.bf16) {
    const auto* data = static_cast<const std::uint16_t*>(table.data);
    sum_rows(List<std::uint16_t>{weights, ids, count, data, table.stride}, out, n, accumulate);
  } else {
    const auto* data = static_cast<const float*>(table.data);
    sum_rows(List<float>{weights, ids, count, data, table.stride}, out, n, accumulate);
  }
}

namespace {

POLYSEM_INLINE V finish_part(V y, const DecodeRow& row, std::int64_t i, std::int64_t n, V loss) {
  if (row.bias != nullptr) y = y + load(row.bias + i, n);
  if (row.base != nullptr) y = y + load(row.base + i, n);
  if (row.output != nullptr) store(row.output + i, y, n);
  if (row.target == nullptr) return loss;
  const V difference = y - load(row.target + i, n);
  if (row.error != nullptr) store(row.error + i, difference, n);
  return loss + difference * difference;
}

}  // namespace

float finish_decode(float* y, const DecodeRow& row, std::int64_t n) {
  V loss[2] = {};
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    loss[0] = finish_part(load(y + i), row, i, kLanes, loss[0]);
    loss[1] = finish_part(load(y + i + kLanes), row, i + kLanes, kLanes, loss[1]);
  }
  for (; i + kLanes <= n; i += kLanes) loss[0] = finish_part(load(y + i), row, i, kLanes, loss[0]);
  if (i < n) {
    const V rest = finish_part(load(y + i, n - i), row, i, n - i, V{});
    loss[0] = loss[0] + rest;
  }
  return sum(loss[0] + loss[1]);
}

}  // namespace polysem::onednn::POLYSEM_ISA
