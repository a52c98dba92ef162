#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace polysem {

/// Byte-pair merging of single words. Symbols are numbers: ids of the vocabulary first, then strings that
/// only occur as bytes or inside merges and have no token.
class BytePairs {
 public:
  /// `symbols[i]` is token i in GPT-2's byte alphabet, "" for tokens that merging never makes; `merges` are
  /// "left right" in the order of their rank. Throws Error{kBadInput} with `label` for a merge of another
  /// form.
  BytePairs(std::vector<std::string> symbols, const std::vector<std::string_view>& merges,
            const std::string& label);

  /// Appends the tokens of one word. The pair of lowest rank is merged first, the leftmost of equals; n log
  /// n.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  struct Merge {
    std::uint32_t rank;
    std::uint32_t result;
  };
  std::uint32_t intern(const std::string& text);
  void add_merge(std::string_view merge, std::size_t rank, const std::string& label);
  void emit(std::uint32_t symbol, std::vector<std::int32_t>& ids) const;
  const Merge* find(std::uint32_t left, std::uint32_t right) const;

  std::unordered_map<std::string, std::uint32_t> index_;  // only while building
  std::vector<std::string> texts_;                        // of symbols without token, from tokens_ on
  std::unordered_map<std::uint64_t, Merge> merges_;
  std::array<std::uint32_t, 256> byte_symbols_{};
  std::uint32_t tokens_ = 0;
};

}  // namespace polysem
