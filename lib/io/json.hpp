#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polysem::io {

using Json = nlohmann::json;

/// What a document may hold at most. The defaults suit configuration files.
struct JsonLimits {
  std::uint64_t bytes = std::uint64_t{64} << 20;
  int depth = 64;
};

/// Parses a whole document; `file` names it in messages. Refuses duplicate keys, invalid UTF-8, documents
/// beyond the limits. Throws Error{kBadInput} with the offset.
Json parse_json(std::string_view text, std::string_view file, const JsonLimits& limits = {});
Json read_json(const std::filesystem::path& path, const JsonLimits& limits = {});

/// Two spaces of indentation, sorted keys, a newline at the end. Bytes that are not UTF-8 become U+FFFD.
std::string format_json(const Json& value);
void write_json(const std::filesystem::path& path, const Json& value);

/// A value inside a document together with its place, for messages: every getter throws Error{kBadInput} with
/// the file, the key path, what was expected and what was found. The document must outlive it.
class JsonView {
 public:
  JsonView(const Json& document, std::string_view file)
      : value_(&document), file_(std::make_shared<const std::string>(file)) {}

  const Json& json() const noexcept { return *value_; }
  const std::string& place() const noexcept { return place_; }

  JsonView at(std::string_view key) const;
  /// Absent where the key is missing or its value is null.
  std::optional<JsonView> find(std::string_view key) const;
  std::vector<JsonView> elements() const;

  std::string string() const;
  bool boolean() const;
  double number() const;
  std::int64_t integer(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;

  [[noreturn]] void fail(std::string_view problem) const;

 private:
  JsonView(const Json* value, std::shared_ptr<const std::string> file, std::string place)
      : value_(value), file_(std::move(file)), place_(std::move(place)) {}
  JsonView child(const Json& value, std::string_view step) const;
  [[noreturn]] void expected(std::string_view what) const;
  void require_object() const;

  const Json* value_;
  std::shared_ptr<const std::string> file_;
  std::string place_;
};

}  // namespace polysem::io
