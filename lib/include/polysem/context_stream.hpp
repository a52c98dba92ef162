#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "polysem/store.hpp"
#include "polysem/text_document.hpp"
#include "polysem/tokenizer.hpp"

namespace polysem {

/// Gives documents one after another, then nothing.
using NextDocument = std::function<std::optional<TextDocument>()>;

/// A piece of a document, in tokens.
struct Context {
  std::int32_t document = 0;  ///< index into documents()
  std::vector<std::int32_t> ids;
};

/// Cuts documents into contexts of `context` tokens; the rest of a document, from 2 tokens on, makes a
/// shorter one. The documents are shuffled by the seed within windows of 64 MiB of text. `next_document` and
/// `tokenizer` outlive this.
class ContextStream {
 public:
  ContextStream(const NextDocument& next_document, const Tokenizer& tokenizer, std::int64_t context,
                std::uint64_t seed);
  /// The next context, or nothing at the end of the text.
  std::optional<Context> next();
  /// Documents that contexts were cut from so far.
  const std::vector<StoreDocument>& documents() const noexcept { return documents_; }

 private:
  bool fill_window();
  bool open_document();

  const NextDocument* next_document_;
  const Tokenizer* tokenizer_;
  std::int64_t context_;
  std::uint64_t seed_;
  std::uint32_t windows_ = 0;
  std::vector<TextDocument> window_;  // in reverse order of use
  std::vector<std::int32_t> ids_;     // of the open document
  std::size_t used_ = 0;
  std::vector<StoreDocument> documents_;
};

}  // namespace polysem
