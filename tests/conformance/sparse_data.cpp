#include "tests/conformance/sparse_data.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "polysem/random.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

double draw_value(Pattern pattern, const Random& random, std::uint64_t i) {
  if (pattern == Pattern::kDead || random.below(5, 2 * i) == 0) return 0;
  const double value = random.normal(2 * i + 1);
  return pattern == Pattern::kSigned ? value : std::abs(value);
}

std::int64_t row_length(const CodesData& codes, std::int64_t longest, Pattern pattern, const Random& random,
                        std::int64_t row) {
  if (codes.k > 0) return codes.k;
  const auto i = static_cast<std::uint64_t>(row);
  if (pattern == Pattern::kEmptyRows && random.below(2, 2 * i) == 0) return 0;
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(longest) + 1, 2 * i + 1));
}

// `count` distinct latents in ascending order: the first of a shuffle.
std::vector<std::int64_t> draw_ids(std::int64_t count, std::int64_t latents, bool with_first,
                                   const Random& random, std::uint64_t base) {
  std::vector<std::int64_t> ids(at(latents));
  std::iota(ids.begin(), ids.end(), 0);
  for (std::int64_t i = with_first ? 1 : 0; i < count; ++i) {
    const auto other =
        random.below(static_cast<std::uint64_t>(latents - i), base + static_cast<std::uint64_t>(i));
    std::swap(ids[at(i)], ids[at(i) + other]);
  }
  ids.resize(at(count));
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

std::string_view name(Pattern pattern) noexcept {
  constexpr std::string_view kNames[] = {"random", "hot", "dead", "signed", "empty_rows"};
  return kNames[static_cast<std::size_t>(pattern)];
}

std::int64_t CodesData::begin(std::int64_t row) const {
  return k > 0 ? row * k : static_cast<std::int64_t>(row_offsets[at(row)]);
}

CodesData make_codes(std::int64_t rows, std::int64_t latents, std::int64_t k, std::int64_t longest,
                     Pattern pattern, std::uint64_t seed) {
  CodesData codes{.rows = rows, .latents = latents, .k = k, .values = {}, .ids = {}, .row_offsets = {}};
  const Random lengths(seed, RandomStream::kSampling, 0), ids(seed, RandomStream::kSampling, 1),
      values(seed, RandomStream::kSampling, 2);
  if (k == 0) codes.row_offsets.push_back(0);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t length = row_length(codes, longest, pattern, lengths, r);
    const auto base = static_cast<std::uint64_t>(r * latents);
    for (const std::int64_t id : draw_ids(length, latents, pattern == Pattern::kHot, ids, base)) {
      codes.ids.push_back(static_cast<double>(id));
      codes.values.push_back(rounded(DType::kF32, draw_value(pattern, values, codes.values.size())));
      if (pattern == Pattern::kHot && id == 0) codes.values.back() = 0.5 + 1.0 / static_cast<double>(r + 2);
    }
    if (k == 0) codes.row_offsets.push_back(static_cast<double>(codes.ids.size()));
  }
  const std::size_t spare = pattern == Pattern::kEmptyRows ? 13 : 0;
  codes.ids.resize(codes.ids.size() + spare, 1e9);  // never to be looked at
  codes.values.resize(codes.ids.size(), 1e9);
  codes.capacity = static_cast<std::int64_t>(codes.ids.size());
  return codes;
}

SortedData sort_codes(const CodesData& codes) {
  std::vector<std::pair<std::int64_t, std::int64_t>> active;  // entry, row
  for (std::int64_t r = 0; r < codes.rows; ++r)
    for (std::int64_t e = codes.begin(r); e < codes.begin(r + 1); ++e)
      if (codes.values[at(e)] != 0) active.emplace_back(e, r);
  std::stable_sort(active.begin(), active.end(), [&](const auto& a, const auto& b) {
    return codes.ids[at(a.first)] < codes.ids[at(b.first)];
  });
  SortedData sorted{Values(at(codes.latents + 1)), Values(at(codes.capacity)), Values(at(codes.capacity))};
  for (std::size_t i = 0; i < active.size(); ++i) {
    sorted.entries[i] = static_cast<double>(active[i].first);
    sorted.entry_rows[i] = static_cast<double>(active[i].second);
    ++sorted.begin[static_cast<std::size_t>(codes.ids[at(active[i].first)]) + 1];
  }
  std::partial_sum(sorted.begin.begin(), sorted.begin.end(), sorted.begin.begin());
  return sorted;
}

std::int64_t longest_list(const Values& begin) {
  double most = 0;
  for (std::size_t j = 0; j + 1 < begin.size(); ++j) most = std::max(most, begin[j + 1] - begin[j]);
  return static_cast<std::int64_t>(most);
}

void set_codes(Problem& problem, const CodesData& codes) {
  problem.set("values", codes.values).set("ids", codes.ids);
  if (codes.k == 0) problem.set("row_offsets", codes.row_offsets);
}

}  // namespace polysem::conformance
