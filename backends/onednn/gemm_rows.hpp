#pragma once

#include "backends/onednn/context.hpp"
#include "polysem/op.hpp"

namespace polysem::onednn {

/// Products of many rows with a frozen matrix into a result without gaps: oneDNN writes whole rows of C, adds
/// to them and narrows them itself, so that nothing is copied. Returns false, and does nothing, where the op
/// is another.
bool run_whole_rows(Context& context, const Gemm& op, const Gemm::Operands& t);

}  // namespace polysem::onednn
