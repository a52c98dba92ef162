#include <cstring>

#include "backends/onednn/cpu.hpp"
#include "backends/onednn/kernels/kernels.hpp"

namespace polysem::onednn {

namespace generic {
extern const Kernels kTable;
}
#ifdef POLYSEM_ONEDNN_X86
namespace avx2 {
extern const Kernels kTable;
}
namespace avx512 {
extern const Kernels kTable;
}
#endif

const Kernels* find_kernels(const char* name) {
#ifdef POLYSEM_ONEDNN_X86
  if (std::strcmp(name, "avx512") == 0) return cpu().avx512 ? &avx512::kTable : nullptr;
  if (std::strcmp(name, "avx2") == 0) return cpu().avx2 ? &avx2::kTable : nullptr;
#endif
  return std::strcmp(name, "generic") == 0 ? &generic::kTable : nullptr;
}

const Kernels& kernels() {
  static const Kernels& best = [&]() -> const Kernels& {
    for (const char* name : {"avx512", "avx2"})
      if (const Kernels* found = find_kernels(name)) return *found;
    return generic::kTable;
  }();
  return best;
}

}  // namespace polysem::onednn
