#pragma once

#include "polysem/backend.hpp"
#include "polysem/recipe.hpp"

namespace polysem::test {

template <class O>
bool runs_op(const Backend& backend, const O& op) {
  std::vector<DType> types;
  for (const OperandSpec& spec : op.specs()) {
    for (const DType type : {DType::kF32, DType::kBF16, DType::kI32, DType::kU32}) {
      if (!spec.types.contains(type)) continue;
      types.push_back(type);
      break;
    }
  }
  return backend.supports(Op(op), types).ok;
}

/// Whether the backend has the ops that encode the recipe's codes, in training and afterwards.
inline bool runs_recipe(const Backend& backend, const Recipe& recipe) {
  if (recipe.name == "topk") return true;
  if (recipe.name == "batch_topk" &&
      !runs_op(backend, EncodeBatchTopK{.rows = 8, .d_in = 8, .latents = 8, .total = 8}))
    return false;
  return runs_op(
      backend,
      EncodeThreshold{.rows = 8, .d_in = 8, .latents = 8, .capacity = 64, .band_capacity = 64, .band = 1.0f});
}

}  // namespace polysem::test
