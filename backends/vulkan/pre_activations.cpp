#include "backends/vulkan/pre_activations.hpp"

#include <algorithm>

#include "backends/vulkan/product.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, n, h_first, h_stride, bad_first, nonfinite_first, has_nonfinite;
};

constexpr std::int64_t kMostWords = std::int64_t{1} << 23;

// A window of the workspace's rows with room for where it begins.
std::int64_t words_in_range(const Device& device) { return cols_in_range(device) - 64; }

}  // namespace

void record_pre_activations(const Scope& s, const Tensor& x, const Tensor& w_enc, const Tensor& b_enc,
                            Precision precision, const Tensor& h) {
  Product p{.m = x.rows, .k = x.cols};
  p.transpose_b = true, p.f16 = precision == Precision::kF16;
  p.a = s.view(x);
  each_row_window(s.device, w_enc.rows, {w_enc}, [&](std::int64_t first, std::int64_t count) {
    p.n = count;
    p.b = s.view(w_enc.row_range(first, count));
    p.bias = s.view(b_enc.col_range(first, count));
    p.c = s.view(h.col_range(first, count));
    record_product(s, p);
  });
}

void record_picked_pre_activations(const Scope& s, const Tensor& x, const Tensor& w_enc, const Tensor& b_enc,
                                   const Tensor& candidates, Precision precision, const Tensor& h) {
  Product p{.m = x.rows, .n = candidates.cols, .k = x.cols};
  p.transpose_b = true, p.f16 = precision == Precision::kF16;
  p.a = s.view(x), p.bias = s.view(b_enc), p.ids = s.view(candidates), p.c = s.view(h);
  each_row_window(s.device, w_enc.rows, {w_enc}, [&](std::int64_t first, std::int64_t count) {
    p.b_row = first, p.b_rows = count;
    p.b = s.view(w_enc.row_range(first, count));
    record_product(s, p);
  });
}

std::int64_t pre_activation_rows(const Device& device, std::int64_t rows, std::int64_t length) {
  const std::int64_t most = std::min(kMostWords, words_in_range(device));
  return std::clamp<std::int64_t>(most / std::max<std::int64_t>(length, 1), 1,
                                  std::max<std::int64_t>(rows, 1));
}

void record_finite_rows(const Scope& s, const Tensor& h, const Tensor& bad, const Tensor& nonfinite) {
  static const std::size_t shader = shader_index("finite_rows");
  const View x = s.view(h), result = s.view(bad), counter = s.view(nonfinite);
  const Push push{u32(h.rows),  u32(h.cols),   x.first,          x.stride,
                  result.first, counter.first, counter ? 1u : 0u};
  s.recording.dispatch(shader, {}, {{reads(x), writes(result), writes(counter)}}, push,
                       s.recording.rows_grid(static_cast<std::uint64_t>(h.rows)));
}

Support pre_activations_fit(const Device& device, std::int64_t length) {
  if (length > words_in_range(device))
    return Support::no("a row of pre-activations is longer than what a shader of this device sees");
  return Support::yes();
}

}  // namespace polysem::vulkan
