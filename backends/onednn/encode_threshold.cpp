#include "backends/onednn/ops.hpp"
#include "polysem/error.hpp"

namespace polysem::onednn {

void run(Context&, const EncodeThreshold&, const EncodeThreshold::Operands&) {
  throw Error(ErrorCode::kUnsupported, "encode_threshold is not there yet");
}

}  // namespace polysem::onednn
