#include "backends/onednn/screening.hpp"

#include <cmath>

#include "backends/onednn/cpu.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

constexpr double kUnit = 0x1p-24;
// Below this many columns or latents the product is not what an encoding costs.
constexpr std::int64_t kFewest = 32;
// gamma must stay small.
constexpr std::int64_t kMostColumns = std::int64_t{1} << 18;

// Length of a row from its sum of squares, at least the true one: the sum is off by the rounding of d terms
// and by squares that underflow.
double length(float squares, std::int64_t d) {
  const double n = static_cast<double>(d);
  return std::sqrt(double{squares} * (1 + (n + 64) * 2 * kUnit) + n * 0x1p-125);
}

// Rounding of two sums of d products, of the bias and of the bounds themselves, in units of |x| |w|.
double gamma(std::int64_t d) { return (static_cast<double>(d) + 32) * kUnit * 1.05; }

float upwards(double value) { return static_cast<float>(value * (1 + 0x1p-18)); }

}  // namespace

bool Screening::possible(std::int64_t d_in, const float* scale, std::int64_t latents) {
  if (!cpu().bf16 || d_in < kFewest || d_in > kMostColumns || latents < kFewest) return false;
  if (scale == nullptr) return true;
  return std::all_of(scale, scale + latents, [](float s) { return s >= 0.0f && s < 1e30f; });
}

template <class Each>
void Screening::round(Context& context, const Tensor& matrix, std::uint16_t* low, Each&& each) const {
  const RowReader reader(matrix);
  const PerThread<float> lines = context.per_thread<float>(reader.bf16() ? d_ : 0);
  Context::parallel_ranges(matrix.rows, rows_a_task(d_), [&](std::int64_t first, std::int64_t last) {
    float* line = lines.of(Context::thread());
    for (std::int64_t r = first; r < last; ++r)
      each(r, kernels().round_row(reader.read(r, 0, d_, line), low + r * d_, d_));
  });
}

void Screening::round_rows(Context& context, const Tensor& x) {
  x_ = context.scratch.take<std::uint16_t>(x.rows * d_);
  row_norm_ = context.scratch.take<float>(x.rows);
  row_error_ = context.scratch.take<float>(x.rows);
  const double g = gamma(d_);
  round(context, x, x_, [&](std::int64_t r, const RoundedRow& row) {
    row_norm_[r] = upwards(length(row.all, d_));
    row_error_[r] = upwards(length(row.taken, d_) + g * length(row.left, d_));
  });
}

Screening::Screening(Context& context, const Tensor& x, const Screening& other) : Screening(other) {
  round_rows(context, x);
}

Screening::Screening(Context& context, const Tensor& x, const Tensor& w_enc, const Tensor& b_enc)
    : d_(x.cols) {
  round_rows(context, x);
  const auto floats = [&](std::int64_t n) { return context.scratch.take<float>(n); };
  w_ = context.scratch.take<std::uint16_t>(w_enc.rows * d_);
  latent_error_ = floats(w_enc.rows), latent_norm_ = floats(w_enc.rows), latent_room_ = floats(w_enc.rows);
  const double g = gamma(d_);
  const float* bias = row_of(b_enc, 0);
  const double underflow = static_cast<double>(d_) * 0x1p-120;  // of products and sums
  round(context, w_enc, w_, [&](std::int64_t j, const RoundedRow& row) {
    latent_error_[j] = upwards(length(row.taken, d_) + g * length(row.all, d_));
    latent_norm_[j] = upwards(length(row.left, d_));
    latent_room_[j] = upwards(16 * kUnit * std::abs(double{bias[j]}) + underflow);
  });
  // |w| <= |w~| + |w - w~|
  for (std::int64_t j = 0; j < w_enc.rows; ++j) {
    const float norm = latent_norm_[j] + latent_error_[j];
    largest_ = norm > largest_ || norm != norm ? norm : largest_;
  }
}

ScanBounds Screening::bounds(std::int64_t row, std::int64_t latent) const noexcept {
  return {{row_norm_ + row, row_error_ + row},
          {latent_error_ + latent, latent_norm_ + latent, latent_room_ + latent}};
}

}  // namespace polysem::onednn
