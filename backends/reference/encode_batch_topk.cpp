#include <algorithm>
#include <tuple>

#include "backends/reference/ops.hpp"
#include "backends/reference/pre_activations.hpp"

namespace polysem::reference {

namespace {

struct Entry {
  float rank, value;
  std::int64_t row;
  std::int32_t latent;
};

bool better(const Entry& a, const Entry& b) {
  return a.rank != b.rank ? a.rank > b.rank : std::tie(a.row, a.latent) < std::tie(b.row, b.latent);
}

bool before(const Entry& a, const Entry& b) { return std::tie(a.row, a.latent) < std::tie(b.row, b.latent); }

}  // namespace

void run(const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t) {
  const Floats scale(t.scale), values(t.values), threshold(t.threshold);
  const Integers<std::int32_t> ids(t.ids), offsets(t.row_offsets);
  const Integers<std::uint32_t> nonfinite(t.nonfinite);
  std::vector<Entry> list;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const std::vector<float> h = pre_activations(op, t, r);
    if (h.empty() && op.latents > 0 && nonfinite) ++nonfinite[0];
    for (std::size_t j = 0; j < h.size(); ++j) {
      const float rank = scale ? static_cast<float>(h[j] * scale[static_cast<std::int64_t>(j)]) : h[j];
      if (h[j] > 0 && rank > 0) list.push_back({rank, h[j], r, static_cast<std::int32_t>(j)});
    }
  }
  const std::size_t kept = std::min(list.size(), static_cast<std::size_t>(op.total));
  std::partial_sort(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(kept), list.end(), better);
  list.resize(kept);
  threshold.set(0, list.empty() ? 0.0 : list.back().rank);
  std::sort(list.begin(), list.end(), before);

  std::int64_t e = 0;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    offsets[r] = static_cast<std::int32_t>(e);
    for (; e < static_cast<std::int64_t>(kept) && list[static_cast<std::size_t>(e)].row == r; ++e) {
      values.set(e, list[static_cast<std::size_t>(e)].value);
      ids[e] = list[static_cast<std::size_t>(e)].latent;
    }
  }
  offsets[op.rows] = static_cast<std::int32_t>(e);
}

}  // namespace polysem::reference
