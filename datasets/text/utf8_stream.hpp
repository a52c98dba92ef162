#pragma once

#include <istream>
#include <string>

namespace polysem {

/// Bytes of a stream as UTF-8: a UTF-8 byte-order mark is dropped, UTF-16 with one is converted (a lone
/// surrogate or half a code unit becomes U+FFFD), anything else passes through.
class Utf8Stream {
 public:
  /// `source` names the stream in errors.
  Utf8Stream(std::istream& in, std::string source) : in_(in), source_(std::move(source)) {}

  /// Appends a block of text; false when the stream has ended and nothing was appended.
  bool read(std::string& out);

  const std::string& source() const noexcept { return source_; }

 private:
  enum class Encoding { kUnknown, kBytes, kUtf16Little, kUtf16Big };

  void detect_encoding();
  void convert_utf16(std::string& out, bool at_end);

  std::istream& in_;
  std::string source_;
  Encoding encoding_ = Encoding::kUnknown;
  std::string raw_;  ///< read but not yet converted
};

}  // namespace polysem
