#include "lib/io/json.hpp"

#include <cmath>

#include "lib/io/byte_reader.hpp"
#include "polysem/file.hpp"

namespace polysem::io {
namespace {

/// Builds the document from the parser's events, which is where depth and duplicate keys are seen.
class Builder {
 public:
  Builder(std::string_view file, int depth) : file_(file), depth_(depth) {}
  Json take() { return std::move(root_); }

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(Json::number_integer_t value) { return put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return put(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (stack_.back()->contains(name)) bad_input(file_, {}, "the key \"" + name + "\" occurs twice");
    key_ = std::move(name);
    return true;
  }
  template <class Problem>
  bool parse_error(std::size_t position, const std::string&, const Problem& problem) {
    const std::string_view text = problem.what();
    const auto cause = text.find("; last read");
    const auto colon = text.find("parse error - ");
    bad_input(
        file_, "offset " + std::to_string(position),
        "is not valid JSON" +
            (colon == text.npos ? "" : ": " + std::string(text.substr(colon + 14, cause - colon - 14))));
  }

 private:
  Json* place(Json value) {
    if (stack_.empty()) return &(root_ = std::move(value));
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool put(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json container) {
    if (static_cast<int>(stack_.size()) >= depth_)
      bad_input(file_, {}, "is nested deeper than " + std::to_string(depth_) + " levels");
    stack_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  std::string_view file_;
  int depth_;
  Json root_;
  std::string key_;
  std::vector<Json*> stack_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view file, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    bad_input(file, {},
              "holds " + std::to_string(text.size()) + " bytes of JSON, more than the " +
                  std::to_string(limits.bytes) + " that are accepted");
  Builder builder(file, limits.depth);
  if (!Json::sax_parse(text, &builder)) bad_input(file, {}, "is not valid JSON");
  return builder.take();
}

Json read_json(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_file(path, limits.bytes), path.string(), limits);
}

std::string format_json(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void write_json(const std::filesystem::path& path, const Json& value) {
  write_file_atomic(path, format_json(value));
}

void JsonView::fail(std::string_view problem) const { bad_input(*file_, place_, problem); }

void JsonView::expected(std::string_view what) const {
  std::string found = value_->dump(-1, ' ', true, Json::error_handler_t::replace);
  if (found.size() > 60) found = found.substr(0, 60) + "...";
  fail("expected " + std::string(what) + ", found " + found);
}

void JsonView::require_object() const {
  if (!value_->is_object()) expected("an object");
}

JsonView JsonView::child(const Json& value, std::string_view step) const {
  std::string place = place_;
  if (!place.empty() && !step.starts_with('[')) place += '.';
  return {&value, file_, place.append(step)};
}

JsonView JsonView::at(std::string_view key) const {
  require_object();
  const auto found = value_->find(key);
  if (found == value_->end()) fail("the key \"" + std::string(key) + "\" is missing");
  return child(*found, key);
}

std::optional<JsonView> JsonView::find(std::string_view key) const {
  require_object();
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return child(*found, key);
}

std::vector<JsonView> JsonView::elements() const {
  if (!value_->is_array()) expected("an array");
  std::vector<JsonView> views;
  views.reserve(value_->size());
  for (const Json& element : *value_)
    views.push_back(child(element, "[" + std::to_string(views.size()) + "]"));
  return views;
}

std::string JsonView::string() const {
  if (!value_->is_string()) expected("a string");
  return value_->get<std::string>();
}

bool JsonView::boolean() const {
  if (!value_->is_boolean()) expected("true or false");
  return value_->get<bool>();
}

double JsonView::number() const {
  if (!value_->is_number()) expected("a number");
  return value_->get<double>();
}

std::int64_t JsonView::integer(std::int64_t least, std::int64_t most) const {
  const auto range = [&] {
    const bool any = least == std::numeric_limits<std::int64_t>::min();
    return any ? std::string("an integer")
               : "an integer from " + std::to_string(least) +
                     (most == std::numeric_limits<std::int64_t>::max() ? " on"
                                                                       : " to " + std::to_string(most));
  };
  if (value_->is_number_unsigned()) {
    if (value_->get<std::uint64_t>() > static_cast<std::uint64_t>(most)) expected(range());
  } else if (value_->is_number_float()) {  // 1e6 and 32.0 are integers to whoever writes them by hand
    const double value = value_->get<double>();
    if (value != std::floor(value) || std::abs(value) > 0x1p53) expected(range());
  } else if (!value_->is_number_integer()) {
    expected(range());
  }
  const auto value = value_->is_number_float() ? static_cast<std::int64_t>(value_->get<double>())
                                               : value_->get<std::int64_t>();
  if (value < least || value > most) expected(range());
  return value;
}

}  // namespace polysem::io
