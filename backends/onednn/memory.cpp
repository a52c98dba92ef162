#include "backends/onednn/memory.hpp"

namespace polysem::onednn {

// Queues check once for each op that operands are theirs (backend.cpp).
HostBuffer& buffer_of(const Tensor& tensor) { return *static_cast<HostBuffer*>(tensor.buffer); }

}  // namespace polysem::onednn
