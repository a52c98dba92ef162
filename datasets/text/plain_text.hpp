#pragma once

#include <cstdint>
#include <istream>
#include <string>

#include "datasets/text/document_source.hpp"
#include "datasets/text/utf8_stream.hpp"

namespace polysem {

/// A file as one document, or, where it is larger than a document can be, as a corpus in pieces.
class PlainText : public DocumentSource {
 public:
  /// `from` carries name, source and label; reads a first block to see whether this is text at all.
  PlainText(std::istream& in, TextDocument from);

  /// NUL bytes near the beginning: what tools since diff(1) have taken as the mark of a binary file.
  bool is_binary() const noexcept;

  std::optional<TextDocument> next() override;

 private:
  TextDocument piece();

  Utf8Stream stream_;
  TextDocument from_;
  std::string pending_;
  std::uint64_t pieces_ = 0;
  bool started_ = false;
};

}  // namespace polysem
