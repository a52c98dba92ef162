// The backends of the emulated test program: this definition is used in place of the library's.
#include "polysem/backend.hpp"

namespace polysem {

namespace cuda {
extern const BackendEntry kEntry;
}
namespace reference {
extern const BackendEntry kEntry;
}

std::span<const BackendEntry* const> registered_backends() {
  static constexpr const BackendEntry* kEntries[] = {&cuda::kEntry, &reference::kEntry};
  return kEntries;
}

}  // namespace polysem
