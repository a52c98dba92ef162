#include "bench/program/config_file.hpp"

#include <algorithm>

#include "lib/io/json.hpp"

namespace polysem::program {

namespace {

using io::JsonView;

std::string word(const JsonView& value) {
  const nlohmann::json& json = value.json();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number() || json.is_boolean()) return json.dump();
  value.fail("expected a string, a number or true/false, found " + std::string(json.type_name()));
}

bool holds_object(const JsonView& object, std::string_view key) {
  return object.json().contains(key) && object.json()[std::string(key)].is_object();
}

/// The part of the document that is about options: all of it, or what a result says of how it was made.
JsonView configuration(const JsonView& root) {
  if (!root.json().is_object())
    root.fail("expected an object of options, found " + std::string(root.json().type_name()));
  const bool result = root.json().contains("schema");
  if (holds_object(root, "config") && (result || root.json().size() == 1)) return root.at("config");
  if (!result) return root;
  if (holds_object(root, "recipe") && root.at("recipe").json().contains("command")) return root.at("recipe");
  root.fail("this file does not say with which options it was made: it has no key \"config\"");
}

void refuse_unknown(const JsonView& object, const std::string& key, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), key) != known.end()) return;
  const std::string near = nearest(key, known);
  object.fail("unknown key \"" + key + "\"" + (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
}

std::vector<std::string> names_of(const std::vector<OptionSpec>& specs) {
  std::vector<std::string> names;
  for (const OptionSpec& spec : specs)
    if (spec.name != "config") names.push_back(spec.name);  // a configuration does not name another one
  return names;
}

/// Empty for an option that is left at its default.
std::vector<std::string> words_of(const JsonView& value, const OptionSpec& spec) {
  if (value.json().is_null()) return {};
  if (spec.value_name.empty())
    return value.boolean() ? std::vector<std::string>{"true"} : std::vector<std::string>();
  if (!value.json().is_array()) return {word(value)};
  if (!spec.list) value.fail("expected one value, found an array");
  std::vector<std::string> words;
  for (const JsonView& element : value.elements()) words.push_back(word(element));
  return words;
}

}  // namespace

ConfigFile read_config_file(const std::string& path, std::string_view command,
                            const std::vector<OptionSpec>& specs) {
  const nlohmann::json json = io::read_json(path);
  const JsonView config = configuration(JsonView(json, path));
  ConfigFile file;
  JsonView options = config;
  if (holds_object(config, "options")) {
    for (const auto& [key, value] : config.json().items())
      refuse_unknown(config, key, {"command", "arguments", "options"});
    options = config.at("options");
    if (const auto made = config.find("command"); made && made->string() != command)
      made->fail("these are options of polysem " + made->string() + ", not of polysem " +
                 std::string(command));
    if (const auto words = config.find("arguments"))
      for (const JsonView& element : words->elements()) file.positional.push_back(word(element));
  }
  const auto known = names_of(specs);
  for (const auto& [key, json_value] : options.json().items()) {
    refuse_unknown(options, key, known);
    const auto spec =
        std::find_if(specs.begin(), specs.end(), [&name = key](const auto& s) { return s.name == name; });
    const JsonView value = options.at(key);
    auto words = words_of(value, *spec);
    if (!words.empty()) file.options[key] = {std::move(words), path + ": " + value.place()};
  }
  return file;
}

}  // namespace polysem::program
