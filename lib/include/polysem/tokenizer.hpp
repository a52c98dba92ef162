#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polysem/gguf.hpp"

namespace polysem {

/// Byte-level byte-pair encoding (Sennrich, Haddow & Birch, arXiv 1508.07909; bytes as in GPT-2) out of GGUF
/// metadata: `tokenizer.ggml.model` = gpt2, `tokenizer.ggml.pre` = `gpt-2` or `smollm`. Unicode classes are
/// those of Unicode 15.0. Immutable; safe to use from several threads.
class Tokenizer {
 public:
  enum class Special { kAsText, kParse };

  /// Throws Error{kBadInput} for damaged tables, and for another kind of tokenizer.
  explicit Tokenizer(const GgufFile& file);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Token ids of any bytes. A byte that is no part of valid UTF-8 becomes U+FFFD, and a byte that has no
  /// token is left out. With kParse the names of control tokens ("<|im_end|>") become those tokens. Adds no
  /// token at the beginning or end. Time grows as n log n with the text.
  std::vector<std::int32_t> encode(std::string_view text, Special special = Special::kAsText) const;

  /// The bytes of the tokens, one after the other; may end inside a UTF-8 character. Ids outside the
  /// vocabulary are Error{kInvalidArgument}.
  std::string decode(std::span<const std::int32_t> ids) const;
  /// The bytes of one token.
  std::string_view bytes(std::int32_t id) const;
  /// One token for people: valid UTF-8, other bytes and control characters as <0xNN>, newline and tab kept.
  std::string display(std::int32_t id) const;

  std::int32_t vocabulary() const noexcept;
  bool is_control(std::int32_t id) const;
  /// -1 where the file names none.
  std::int32_t begin_of_text() const noexcept;
  std::int32_t end_of_text() const noexcept;
  /// Whether the model wants begin_of_text() in front of every text.
  bool adds_begin() const noexcept;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

}  // namespace polysem
