#pragma once

#include <vector>

#include "polysem/executor.hpp"
#include "polysem/language_model.hpp"

namespace polysem {

/// Weights of one block on the device. Matrices are [out, in], as in the file; those that share their input
/// are stacked, so that one product makes all their outputs.
struct LlamaBlock {
  Array attention_norm;  ///< f32 [1, width]
  Array qkv;             ///< [(heads + 2 kv_heads) head_dim, width]
  Array attention_out;   ///< [width, heads head_dim]
  Array mlp_norm;        ///< f32 [1, width]
  Array gate_up;         ///< [2 mlp_width, width]: gate above up
  Array down;            ///< [width, mlp_width]
};

struct LlamaWeights {
  Array embedding;  ///< [vocabulary, width]
  std::vector<LlamaBlock> blocks;
  Array final_norm;  ///< f32 [1, width]
  Array output;      ///< [vocabulary, width]; the embedding's memory when tied
};

/// Matrices in the type that `precision` is stored in. Checks the shape of every tensor before anything is
/// loaded.
LlamaWeights load_llama(const GgufFile& file, const LlamaShape& shape, Executor& executor,
                        Precision precision);

}  // namespace polysem
