#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

void widen(const std::uint16_t* in, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, load(in + i));
  if (i < n) store(out + i, load(in + i, n - i), n - i);
}

void narrow(const float* in, std::uint16_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, load(in + i));
  if (i < n) store(out + i, load(in + i, n - i), n - i);
}

void round_to_bf16(const float* in, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, as_float(rounded_bits(load(in + i))));
  if (i < n) store(out + i, as_float(rounded_bits(load(in + i, n - i))), n - i);
}

}  // namespace polysem::onednn::POLYSEM_ISA
