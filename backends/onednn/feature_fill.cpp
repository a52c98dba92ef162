#include <cmath>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

using Sets = FeatureFill::Sets;

std::uint64_t threshold(double density) {
  return density > 0 ? static_cast<std::uint64_t>(std::llround(std::min(density, 1.0) * 0x1p32)) : 0;
}

PhiloxStream stream_of(const FeatureFill& op, std::uint32_t substream) {
  return {{static_cast<std::uint32_t>(op.seed), static_cast<std::uint32_t>(op.seed >> 32)},
          static_cast<std::uint32_t>(op.stream),
          substream};
}

// Values of a feature whose set decides whether it is active: `decisions` are those of the set.
void fill_member(const FeatureFill& op, std::int64_t member, std::uint64_t limit,
                 const std::uint32_t* decisions, float* out, std::int64_t n) {
  const auto size = static_cast<std::uint64_t>(op.set_size);
  for (std::int64_t s = 0; s < n; ++s) {
    const std::uint64_t d = decisions[s];
    const bool active =
        d < limit && (op.sets == Sets::kTogether || d * size / limit == static_cast<std::uint64_t>(member));
    if (!active) out[s] = 0.0f;
  }
}

}  // namespace

void run(Context& context, const FeatureFill& op, const FeatureFill::Operands& t) {
  const std::int64_t pieces = (op.batch + kPiece - 1) / kPiece, most = std::min(op.batch, kPiece);
  PerThread<std::uint32_t> words = context.per_thread<std::uint32_t>(2 * most);
  const auto fill = [&](std::int64_t row, std::int64_t s) {
    const std::int64_t n = std::min(kPiece, op.batch - s), f = row % op.features, member = f % op.set_size;
    std::uint32_t* values = words.of(Context::thread());
    std::uint32_t* decisions = values + most;
    const auto element = [&](std::int64_t r) {
      return op.first + static_cast<std::uint64_t>(r * op.batch + s);
    };
    float* out = row_of(t.out, row) + s;
    const std::uint64_t limit = threshold(row_of(t.density, row / op.features)[f - member]);
    kernels().random_words(stream_of(op, 0), element(row), values, n);
    if (op.sets == Sets::kIndependent) {
      const std::uint64_t own = threshold(row_of(t.density, row / op.features)[f]);
      kernels().sparse_uniform(values, out, n, own, op.symmetric);
      return;
    }
    kernels().random_words(stream_of(op, 1), element(row - member), decisions, n);
    kernels().sparse_uniform(values, out, n, std::uint64_t{1} << 32, op.symmetric);
    fill_member(op, member, limit, decisions, out, n);
  };
  Context::parallel_ranges(op.instances * op.features * pieces, rows_a_task(op.batch),
                           [&](std::int64_t first, std::int64_t last) {
                             for (std::int64_t i = first; i < last; ++i)
                               fill(i / pieces, i % pieces * kPiece);
                           });
}

}  // namespace polysem::onednn
