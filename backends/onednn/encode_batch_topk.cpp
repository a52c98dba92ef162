#include "backends/onednn/ops.hpp"
#include "polysem/error.hpp"

namespace polysem::onednn {

void run(Context&, const EncodeBatchTopK&, const EncodeBatchTopK::Operands&) {
  throw Error(ErrorCode::kUnsupported, "encode_batch_topk is not there yet");
}

}  // namespace polysem::onednn
