#include "polysem/context_stream.hpp"

#include <algorithm>

#include "polysem/random.hpp"
#include "polysem/row_order.hpp"

namespace polysem {

namespace {

constexpr std::size_t kWindowBytes = std::size_t{64} << 20;
constexpr std::size_t kShortestContext = 2;

}  // namespace

ContextStream::ContextStream(const NextDocument& next_document, const Tokenizer& tokenizer,
                             std::int64_t context, std::uint64_t seed)
    : next_document_(&next_document), tokenizer_(&tokenizer), context_(context), seed_(seed) {}

bool ContextStream::fill_window() {
  std::vector<TextDocument> read;
  std::size_t bytes = 0;
  while (bytes < kWindowBytes) {
    auto document = (*next_document_)();
    if (!document) break;
    bytes += document->text.size();
    read.push_back(std::move(*document));
  }
  const auto count = static_cast<std::int64_t>(read.size());
  const Permutation order(count, Random(seed_, RandomStream::kData, windows_++));
  for (std::int64_t i = count; i-- > 0;)
    window_.push_back(std::move(read[static_cast<std::size_t>(order(i))]));
  return count > 0;
}

bool ContextStream::open_document() {
  if (window_.empty() && !fill_window()) return false;
  const TextDocument document = std::move(window_.back());
  window_.pop_back();
  ids_ = tokenizer_->encode(document.text);
  if (tokenizer_->adds_begin()) ids_.insert(ids_.begin(), tokenizer_->begin_of_text());
  used_ = 0;
  documents_.push_back({document.name, document.source, document.label});
  return true;
}

std::optional<Context> ContextStream::next() {
  while (ids_.size() - used_ < kShortestContext) {
    if (!open_document()) return std::nullopt;
  }
  const std::size_t length = std::min(ids_.size() - used_, static_cast<std::size_t>(context_));
  const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(used_);
  used_ += length;
  return Context{static_cast<std::int32_t>(documents_.size()) - 1,
                 {begin, begin + static_cast<std::ptrdiff_t>(length)}};
}

}  // namespace polysem
