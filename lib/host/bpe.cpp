#include "lib/host/bpe.hpp"

#include <algorithm>
#include <queue>

#include "lib/host/byte_alphabet.hpp"
#include "lib/host/unicode.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

constexpr std::uint32_t kNone = 0xffffffff;

// A word as a doubly linked list of symbols, so that a merge costs the same wherever it is.
struct Node {
  std::uint32_t symbol, previous, next;
};

// A pair that may be merged; stale when either side has changed since.
struct Candidate {
  std::uint32_t rank, left, left_symbol, right_symbol, result;
  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

std::string utf8(std::uint32_t code_point) {
  char out[4];
  return {out, encode_utf8(code_point, out)};
}

}  // namespace

BytePairs::BytePairs(std::vector<std::string> symbols, const std::vector<std::string_view>& merges,
                     const std::string& label)
    : tokens_(static_cast<std::uint32_t>(symbols.size())) {
  for (std::uint32_t id = 0; id < tokens_; ++id)
    if (!symbols[id].empty()) index_.emplace(std::move(symbols[id]), id);  // the first of equal tokens counts
  const auto alphabet = byte_alphabet();
  for (std::size_t b = 0; b < 256; ++b) byte_symbols_[b] = intern(utf8(alphabet[b]));
  merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) add_merge(merges[rank], rank, label);
  index_.clear();
}

std::uint32_t BytePairs::intern(const std::string& text) {
  const auto next = static_cast<std::uint32_t>(tokens_ + texts_.size());
  const auto [entry, added] = index_.emplace(text, next);
  if (added) texts_.push_back(text);
  return entry->second;
}

void BytePairs::add_merge(std::string_view merge, std::size_t rank, const std::string& label) {
  const std::size_t space =
      merge.find(' ', 1);  // the alphabet holds no space, but be kind to a left side of " "
  if (space == std::string_view::npos || space + 1 >= merge.size())
    throw Error(ErrorCode::kBadInput, label + ": tokenizer.ggml.merges: entry " + std::to_string(rank) +
                                          " is \"" + std::string(merge.substr(0, 60)) +
                                          "\", expected two symbols with a space between");
  const std::string left(merge.substr(0, space)), right(merge.substr(space + 1));
  const std::uint64_t l = intern(left), r = intern(right);
  merges_.emplace(l << 32 | r, Merge{static_cast<std::uint32_t>(rank), intern(left + right)});
}

const BytePairs::Merge* BytePairs::find(std::uint32_t left, std::uint32_t right) const {
  const auto found = merges_.find(std::uint64_t{left} << 32 | right);
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairs::encode(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (word.empty()) return;
  if (word.size() >= kNone) throw Error(ErrorCode::kInvalidArgument, "tokenizer: a word of 4 GiB or more");
  const auto size = static_cast<std::uint32_t>(word.size());
  std::vector<Node> nodes(size);
  for (std::uint32_t i = 0; i < size; ++i)
    nodes[i] = {byte_symbols_[static_cast<unsigned char>(word[i])], i == 0 ? kNone : i - 1,
                i + 1 == size ? kNone : i + 1};

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::uint32_t left) {
    if (left == kNone || nodes[left].next == kNone) return;
    const std::uint32_t a = nodes[left].symbol, b = nodes[nodes[left].next].symbol;
    if (const Merge* merge = find(a, b)) queue.push({merge->rank, left, a, b, merge->result});
  };
  for (std::uint32_t i = 0; i < size; ++i) offer(i);

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Node& left = nodes[best.left];
    if (left.symbol != best.left_symbol || left.next == kNone || nodes[left.next].symbol != best.right_symbol)
      continue;
    Node& right = nodes[left.next];
    left.symbol = best.result;
    left.next = right.next;
    right.symbol = kNone;
    if (left.next != kNone) nodes[left.next].previous = best.left;
    offer(best.left);
    offer(left.previous);
  }
  for (std::uint32_t i = 0; i != kNone; i = nodes[i].next) emit(nodes[i].symbol, ids);
}

// A symbol without a token falls back to its bytes, and bytes without a token are left out.
void BytePairs::emit(std::uint32_t symbol, std::vector<std::int32_t>& ids) const {
  if (symbol < tokens_) {
    ids.push_back(static_cast<std::int32_t>(symbol));
    return;
  }
  static const auto alphabet = byte_alphabet();
  const std::string_view text = texts_[symbol - tokens_];
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text.substr(i));
    i += c.bytes;
    const auto found = std::find(alphabet.begin(), alphabet.end(), c.code_point);
    if (found == alphabet.end()) continue;
    const std::uint32_t byte_symbol = byte_symbols_[static_cast<std::size_t>(found - alphabet.begin())];
    if (byte_symbol < tokens_) ids.push_back(static_cast<std::int32_t>(byte_symbol));
  }
}

}  // namespace polysem
