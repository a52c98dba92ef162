#include <algorithm>
#include <limits>

#include "backends/reference/ops.hpp"
#include "backends/reference/pre_activations.hpp"

namespace polysem::reference {

namespace {

struct List {
  std::vector<float> values;
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> offsets = {0};

  void add(float value, std::int64_t latent) {
    values.push_back(value);
    ids.push_back(static_cast<std::int32_t>(latent));
  }
  void end_row() { offsets.push_back(static_cast<std::int64_t>(ids.size())); }

  void write(const Tensor& values_out, const Tensor& ids_out, const Tensor& offsets_out) const {
    const Floats v(values_out);
    const Integers<std::int32_t> i(ids_out), o(offsets_out);
    const auto count = static_cast<std::int64_t>(ids.size());
    const bool fits = count <= ids_out.cols;
    for (std::size_t r = 0; r < offsets.size(); ++r)
      o[static_cast<std::int64_t>(r)] = fits ? static_cast<std::int32_t>(offsets[r]) : 0;
    for (std::int64_t e = 0; fits && e < count; ++e) {
      v.set(e, values[static_cast<std::size_t>(e)]);
      i[e] = ids[static_cast<std::size_t>(e)];
    }
  }
  std::uint32_t needed() const {
    return static_cast<std::uint32_t>(
        std::min<std::size_t>(ids.size(), std::numeric_limits<std::uint32_t>::max()));
  }
};

}  // namespace

void run(const EncodeThreshold& op, const EncodeThreshold::Operands& t) {
  const Floats threshold(t.threshold);
  const Integers<std::uint32_t> needed(t.needed), nonfinite(t.nonfinite);
  const float half = op.band / 2, weight = op.band > 0 ? 1 / op.band : 0;
  List active, band;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const std::vector<float> h = pre_activations(op, t, r);
    if (h.empty() && op.latents > 0 && nonfinite) ++nonfinite[0];
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(h.size()); ++j) {
      const float value = h[static_cast<std::size_t>(j)];
      const auto theta = static_cast<float>(threshold ? threshold[j] : 0.0);
      if (!(value > 0)) continue;
      if (value > theta) active.add(value, j);
      if (op.band > 0 && value > theta - half && value < theta + half) band.add(weight, j);
    }
    active.end_row();
    band.end_row();
  }
  active.write(t.values, t.ids, t.row_offsets);
  if (op.band > 0) band.write(t.band_values, t.band_ids, t.band_offsets);
  needed[0] = active.needed();
  needed[1] = band.needed();
}

}  // namespace polysem::reference
