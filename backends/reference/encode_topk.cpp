#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"
#include "polysem/error.hpp"

namespace polysem::reference {

namespace {

struct Candidate {
  std::int32_t latent;
  float value;  // pre-activation
  float rank;   // what is compared
};

std::vector<std::int32_t> latents_taking_part(const EncodeTopK& op, const EncodeTopK::Operands& t) {
  std::vector<std::int32_t> list;
  if (op.candidates == 0) {
    for (std::int64_t j = 0; j < op.latents; ++j) list.push_back(static_cast<std::int32_t>(j));
    return list;
  }
  const Integers<std::int32_t> candidates(t.candidates);
  for (std::int64_t i = 0; i < op.candidates; ++i) {
    const std::int32_t latent = candidates[i];
    if (latent < 0 || latent >= op.latents || (i > 0 && latent <= list.back()))
      throw Error(ErrorCode::kInvalidArgument, "encode_topk: candidates must ascend inside [0, " +
                                                   std::to_string(op.latents) + "), found " +
                                                   std::to_string(latent) + " at " + std::to_string(i));
    list.push_back(latent);
  }
  return list;
}

// The k of the highest rank (ties: the lowest latent), then in ascending order of the latent.
void select(std::vector<Candidate>& list, std::int64_t k) {
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.rank > b.rank || (a.rank == b.rank && a.latent < b.latent);
  };
  std::partial_sort(list.begin(), list.begin() + k, list.end(), better);
  list.resize(static_cast<std::size_t>(k));
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.latent < b.latent; });
}

}  // namespace

void run(const EncodeTopK& op, const EncodeTopK::Operands& t) {
  const Floats x(t.x), w_enc(t.w_enc), b_enc(t.b_enc), scale(t.scale), values(t.values);
  const Integers<std::int32_t> ids(t.ids);
  const Integers<std::uint32_t> nonfinite(t.nonfinite);
  const auto latents = latents_taking_part(op, t);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    std::vector<Candidate> list;
    bool finite = true;
    for (const std::int32_t j : latents) {
      double sum = b_enc[j];
      for (std::int64_t p = 0; p < op.d_in; ++p)
        sum += rounded_to(op.precision, x(r, p)) * rounded_to(op.precision, w_enc(j, p));
      const auto h = static_cast<float>(sum);
      const float rank = scale ? static_cast<float>(h * scale[j]) : h;
      finite = finite && std::isfinite(h);
      list.push_back({j, h, std::isnan(rank) ? -std::numeric_limits<float>::infinity() : rank});
    }
    if (finite) {
      select(list, op.k);
    } else if (nonfinite) {
      ++nonfinite[0];
    }
    for (std::int64_t i = 0; i < op.k; ++i) {
      const Candidate& chosen = list[static_cast<std::size_t>(i)];
      ids[r * op.k + i] = chosen.latent;
      values.set(r * op.k + i, finite && chosen.value > 0 ? chosen.value : 0.0);
    }
  }
}

}  // namespace polysem::reference
