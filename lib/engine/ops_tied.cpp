#include "polysem/ops_tied.hpp"

namespace polysem {

std::array<OperandSpec, 4> TiedGrad::specs() const {
  return {{{"w", Access::kRead, kF32Only, instances * features, neurons},
           {"noise", Access::kRead, kF32Only, instances, neurons, true},
           {"loss", Access::kWrite, kF32Only, 1, instances},
           {"grad", Access::kWrite, kF32Only, instances * features, neurons}}};
}

std::string TiedGrad::check() const {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;  // so that products of two sizes do not overflow
  for (const std::int64_t size : {instances, features, neurons})
    if (size < 0 || size >= kMost)
      return "instances, features and neurons must not be negative, and below 2^31";
  return "";
}

}  // namespace polysem
