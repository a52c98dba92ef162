#include <algorithm>
#include <limits>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

std::uint32_t saturating_add(std::uint32_t a, std::int64_t b) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(kMost, a + b));
}

}  // namespace

void run(Context&, const FiringStats& op, const FiringStats::Operands& t) {
  const auto* begin = data_of<const std::int32_t>(t.begin);
  const auto* counts = data_of<const float>(t.counts);
  auto* fired = data_of<std::uint32_t>(t.fired);
  auto* since = data_of<std::uint32_t>(t.since);
  Context::parallel_ranges(op.latents, kPiece, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t j = first; j < last; ++j) {
      const std::int64_t count =
          counts != nullptr ? static_cast<std::int64_t>(counts[j]) : std::int64_t{begin[j + 1]} - begin[j];
      fired[j] = saturating_add(fired[j], count);
      since[j] = count > 0 ? 0 : saturating_add(since[j], op.rows);
    }
  });
}

}  // namespace polysem::onednn
