#include "polysem/ops_transformer.hpp"

namespace polysem {

namespace {
constexpr auto kRead = Access::kRead;
constexpr auto kWrite = Access::kWrite;
constexpr auto kUpdate = Access::kUpdate;
}  // namespace

std::array<OperandSpec, 3> RmsNorm::specs() const {
  return {{{"x", kRead, kFloats, rows, cols},
           {"weight", kRead, kF32Only, 1, cols, true},
           {"out", kWrite, kFloats, rows, cols}}};
}

std::string RmsNorm::check() const {
  return rows < 0 || cols < 0 ? "rows and cols must not be negative" : "";
}

std::array<OperandSpec, 2> Rope::specs() const {
  return {{{"positions", kRead, kI32Only, 1, rows}, {"x", kUpdate, kFloats, rows, heads * head_dim}}};
}

std::string Rope::check() const {
  if (rows < 0 || heads < 0 || head_dim < 0) return "sizes must not be negative";
  if (rotary < 0 || rotary % 2 != 0 || rotary > head_dim) return "rotary must be even and at most head_dim";
  if (!(base > 0.0f)) return "base must be positive";
  if (!(position_scale > 0.0f)) return "position_scale must be positive";
  return "";
}

std::array<OperandSpec, 7> Attention::specs() const {
  return {{{"query", kRead, kFloats, rows, heads * head_dim},
           {"key", kRead, kFloats, key_rows, kv_heads * head_dim},
           {"value", kRead, kFloats, key_rows, kv_heads * head_dim},
           {"query_begin", kRead, kI32Only, 1, sequences + 1},
           {"key_begin", kRead, kI32Only, 1, sequences},
           {"key_count", kRead, kI32Only, 1, sequences},
           {"out", kWrite, kFloats, rows, heads * head_dim}}};
}

std::string Attention::check() const {
  if (rows < 0 || key_rows < 0 || sequences < 0 || heads < 1 || kv_heads < 1 || head_dim < 1)
    return "sizes must not be negative, and there must be a head";
  if (heads % kv_heads != 0) return "heads must be a multiple of kv_heads";
  return "";
}

std::array<OperandSpec, 3> CrossEntropy::specs() const {
  return {{{"logits", kRead, kFloats, rows, classes},
           {"targets", kRead, kI32Only, 1, rows},
           {"loss", kWrite, kF32Only, 1, rows}}};
}

std::string CrossEntropy::check() const { return rows < 0 || classes < 1 ? "there must be a class" : ""; }

std::array<OperandSpec, 3> KlDivergence::specs() const {
  return {{{"p_logits", kRead, kFloats, rows, classes},
           {"q_logits", kRead, kFloats, rows, classes},
           {"divergence", kWrite, kF32Only, 1, rows}}};
}

std::string KlDivergence::check() const { return rows < 0 || classes < 1 ? "there must be a class" : ""; }

}  // namespace polysem
