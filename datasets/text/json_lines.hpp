#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>

#include "datasets/text/document_source.hpp"
#include "datasets/text/utf8_stream.hpp"

namespace polysem {

/// A .jsonl file: one document a line.
class JsonLines : public DocumentSource {
 public:
  /// `from` gives what a line does not say; a document without a name is called NAME:LINE.
  JsonLines(std::istream& in, TextDocument from);

  std::optional<TextDocument> next() override;

 private:
  bool read_line(std::string& line);

  Utf8Stream stream_;
  TextDocument from_;
  std::string pending_;
  std::size_t start_ = 0;  ///< of the next line in pending_
  std::uint64_t line_ = 0;
};

}  // namespace polysem
