#include "lib/host/pretokenizer.hpp"

#include <vector>

#include "lib/host/unicode.hpp"

namespace polysem {

namespace {

// A text as characters: where each begins and of which class it is, with a sentinel begin at the end.
struct Characters {
  std::string_view text;
  std::vector<std::size_t> begin;
  std::vector<CharClass> kind;

  explicit Characters(std::string_view source) : text(source) {
    begin.reserve(source.size() + 1);
    kind.reserve(source.size());
    for (std::size_t i = 0; i < source.size();) {
      const DecodedChar c = decode_utf8(source.substr(i));
      begin.push_back(i);
      kind.push_back(char_class(c.code_point));
      i += c.bytes;
    }
    begin.push_back(source.size());
  }

  std::size_t size() const { return kind.size(); }
  char first_byte(std::size_t i) const { return text[begin[i]]; }
  std::string_view slice(std::size_t first, std::size_t last) const {
    return text.substr(begin[first], begin[last] - begin[first]);
  }
  std::size_t run_end(std::size_t first, std::size_t end) const {
    std::size_t i = first;
    while (i < end && kind[i] == kind[first]) ++i;
    return i;
  }
};

// Characters of the English contraction that begins at `first`, or 0. All are ASCII.
std::size_t contraction(const Characters& chars, std::size_t first, std::size_t end) {
  constexpr std::string_view kEndings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  if (chars.first_byte(first) != '\'') return 0;
  const std::string_view rest = chars.slice(first, end);
  for (const std::string_view ending : kEndings)
    if (rest.starts_with(ending)) return ending.size();
  return 0;
}

// One past the word of the GPT-2 rule that begins at `first`, inside [first, end).
std::size_t word_end(const Characters& chars, std::size_t first, std::size_t end) {
  if (const std::size_t length = contraction(chars, first, end); length > 0) return first + length;
  if (chars.kind[first] != CharClass::kSpace) return chars.run_end(first, end);
  const bool takes_next =
      chars.first_byte(first) == ' ' && first + 1 < end && chars.kind[first + 1] != CharClass::kSpace;
  if (takes_next) return chars.run_end(first + 1, end);
  const std::size_t last = chars.run_end(first, end);
  // The last space of a run belongs to the word after it, where there is one.
  return last == end || last == first + 1 ? last : last - 1;
}

void split_range(const Characters& chars, std::size_t first, std::size_t end,
                 const std::function<void(std::string_view)>& word) {
  while (first < end) {
    const std::size_t next = word_end(chars, first, end);
    word(chars.slice(first, next));
    first = next;
  }
}

}  // namespace

void split_words(PreTokenizer rule, std::string_view text,
                 const std::function<void(std::string_view)>& word) {
  const Characters chars(text);
  if (rule == PreTokenizer::kGpt2) return split_range(chars, 0, chars.size(), word);
  std::size_t first = 0;
  for (std::size_t i = 0; i < chars.size(); ++i) {
    if (chars.kind[i] != CharClass::kNumber) continue;
    split_range(chars, first, i, word);
    word(chars.slice(i, i + 1));
    first = i + 1;
  }
  split_range(chars, first, chars.size(), word);
}

}  // namespace polysem
