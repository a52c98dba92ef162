#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace polysem {

/// Rules that cut text into words before byte-pair merging.
enum class PreTokenizer : std::uint8_t {
  kGpt2,    ///< 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kSmollm,  ///< every number character stands alone, then kGpt2 on what lies between
};

/// Calls `word` with the pieces of `text` (well-formed UTF-8) in order; together they are the text.
void split_words(PreTokenizer rule, std::string_view text, const std::function<void(std::string_view)>& word);

}  // namespace polysem
