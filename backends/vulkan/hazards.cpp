#include "backends/vulkan/hazards.hpp"

namespace polysem::vulkan {

bool Hazards::meet(std::span<const Touched> next) const noexcept {
  for (const Touched& now : next)
    for (const Touched& before : since_)
      if (now.buffer == before.buffer && now.begin < before.end && before.begin < now.end &&
          (now.written || before.written))
        return true;
  return false;
}

}  // namespace polysem::vulkan
