#include "datasets/text/json_lines.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "polysem/error.hpp"

namespace polysem {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestLine = 64 << 20;

/// Picks the known keys out of one object as it is parsed: no tree is built, so that a hostile line costs no
/// more memory than its own length.
class RecordReader : public nlohmann::json_sax<Json> {
 public:
  explicit RecordReader(TextDocument& document) : document_(document) {}

  bool has_text = false;
  std::string problem;  ///< why parsing stopped

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("a boolean"); }
  bool number_integer(number_integer_t number) override { return integer(std::to_string(number)); }
  bool number_unsigned(number_unsigned_t number) override { return integer(std::to_string(number)); }
  bool number_float(number_float_t, const string_t&) override { return value("a number"); }
  bool binary(binary_t&) override { return value("binary data"); }
  bool start_array(std::size_t) override { return value("an array") && ++depth_ > 0; }
  bool end_array() override { return depth_-- > 0; }
  bool end_object() override { return depth_-- > 0; }

  bool start_object(std::size_t) override {
    if (depth_ > 0 && !value("an object")) return false;
    ++depth_;
    return true;
  }

  bool key(string_t& text) override {
    if (depth_ == 1) key_ = text;
    return true;
  }

  bool string(string_t& text) override {
    if (depth_ == 0) return value("a string");
    if (depth_ > 1) return true;
    if (std::string* field = target()) *field = std::move(text);
    has_text |= key_ == "text";
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) override {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at ...: reason"
    const std::size_t reason = what.rfind(": ");
    problem = "not valid JSON at byte " + std::to_string(position) + ": " +
              (reason == std::string::npos ? what : what.substr(reason + 2));
    return false;
  }

 private:
  std::string* target() {
    if (key_ == "text") return &document_.text;
    if (key_ == "name") return &document_.name;
    if (key_ == "source") return &document_.source;
    if (key_ == "label") return &document_.label;
    return nullptr;
  }

  /// Numbered classes are common as labels, numbered documents as names.
  bool integer(std::string number) {
    if (depth_ != 1 || (key_ != "label" && key_ != "name")) return value("a number");
    *target() = std::move(number);
    return true;
  }

  bool value(const char* kind) {
    if (depth_ == 0) {
      problem = std::string("expected an object with the key \"text\", found ") + kind;
      return false;
    }
    const bool absent = std::string_view(kind) == "null" && key_ != "text";
    if (depth_ > 1 || target() == nullptr || absent) return true;
    problem = "\"" + key_ + "\" must be a string, found " + kind;
    return false;
  }

  TextDocument& document_;
  std::string key_;
  std::int64_t depth_ = 0;
};

}  // namespace

JsonLines::JsonLines(std::istream& in, TextDocument from)
    : stream_(in, from.source), from_(std::move(from)) {}

bool JsonLines::read_line(std::string& line) {
  std::size_t searched = start_;
  std::size_t end = 0;
  while ((end = pending_.find('\n', searched)) == std::string::npos) {
    pending_.erase(0, start_);
    start_ = 0;
    searched = pending_.size();
    if (searched > kLongestLine) {
      throw Error(ErrorCode::kBadInput, from_.source + ":" + std::to_string(line_ + 1) +
                                            ": the line is longer than 64 MiB; split the document");
    }
    if (!stream_.read(pending_)) {
      end = pending_.size();
      break;
    }
  }
  if (start_ >= pending_.size()) return false;
  line.assign(pending_, start_, end - start_);
  start_ = end + 1;
  ++line_;
  return true;
}

std::optional<TextDocument> JsonLines::next() {
  std::string line;
  while (read_line(line)) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    TextDocument document = from_;
    document.name += ":" + std::to_string(line_);
    RecordReader reader(document);
    if (!Json::sax_parse(line, &reader)) {
      throw Error(ErrorCode::kBadInput, from_.source + ":" + std::to_string(line_) + ": " + reader.problem);
    }
    if (!reader.has_text) {
      throw Error(ErrorCode::kBadInput,
                  from_.source + ":" + std::to_string(line_) + ": the object has no key \"text\"");
    }
    return document;
  }
  return std::nullopt;
}

}  // namespace polysem
