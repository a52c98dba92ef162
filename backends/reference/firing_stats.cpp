#include <algorithm>
#include <limits>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

std::uint32_t saturating_add(std::uint32_t a, std::int64_t b) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(kMost, a + b));
}

}  // namespace

void run(const FiringStats& op, const FiringStats::Operands& t) {
  const Integers<std::int32_t> begin(t.begin);
  const Floats counts(t.counts);
  const Integers<std::uint32_t> fired(t.fired), since(t.since);
  for (std::int64_t j = 0; j < op.latents; ++j) {
    const std::int64_t count =
        counts ? static_cast<std::int64_t>(counts[j]) : std::int64_t{begin[j + 1]} - begin[j];
    fired[j] = saturating_add(fired[j], count);
    since[j] = count > 0 ? 0 : saturating_add(since[j], op.rows);
  }
}

}  // namespace polysem::reference
