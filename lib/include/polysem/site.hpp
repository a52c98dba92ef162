#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace polysem {

/// A place in a transformer block where activations can be read or replaced, in the order of computation.
/// Names are TransformerLens's.
enum class SiteKind : std::uint8_t {
  kResidPre,       ///< hook_resid_pre: the residual stream that enters the block [rows, width]
  kAttnOut,        ///< hook_attn_out: what attention adds [rows, width]
  kResidMid,       ///< hook_resid_mid: the stream between attention and MLP [rows, width]
  kLn2Normalized,  ///< ln2.hook_normalized: input of the MLP, after the norm's weight [rows, width]
  kMlpPost,        ///< mlp.hook_post: silu(gate) up [rows, mlp_width]
  kMlpOut,         ///< hook_mlp_out: what the MLP adds [rows, width]
  kResidPost,      ///< hook_resid_post: the stream that leaves the block [rows, width]
};

struct Site {
  std::int64_t block = 0;
  SiteKind kind = SiteKind::kResidPost;

  /// Reads "blocks.14.hook_resid_post". Throws Error{kInvalidArgument} with the valid names for another one,
  /// or for a block outside [0, blocks).
  static Site parse(std::string_view name, std::int64_t blocks);
  std::string name() const;
  auto operator<=>(const Site&) const = default;
};

}  // namespace polysem
