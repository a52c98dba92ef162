#include "bench/program/arguments.hpp"

#include <algorithm>
#include <cmath>
#include <cxxopts.hpp>
#include <limits>
#include <numeric>
#include <sstream>

#include "bench/program/command.hpp"
#include "bench/program/config_file.hpp"
#include "polysem/error.hpp"

namespace polysem::program {

namespace {

cxxopts::Options make_parser(const Command& command, const std::vector<OptionSpec>& specs) {
  cxxopts::Options parser("polysem " + std::string(command.name));
  auto add = parser.add_options();
  for (const OptionSpec& spec : specs) {
    if (spec.value_name.empty()) {
      add(spec.name, spec.help);
    } else {
      add(spec.name, spec.help, cxxopts::value<std::vector<std::string>>(), spec.value_name);
    }
  }
  add("positional", "", cxxopts::value<std::vector<std::string>>());
  add("h,help", "this page");
  parser.parse_positional({"positional"});
  return parser;
}

/// cxxopts knows a name of one letter only as a short option: --k 32 and --k=32 become -k 32.
std::vector<std::string> with_short_names(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    const bool one_letter =
        word.size() >= 3 && word.starts_with("--") && (word.size() == 3 || word[3] == '=');
    out.push_back(one_letter ? word.substr(1, 2) : word);
    if (one_letter && word.size() > 3) out.push_back(word.substr(4));
  }
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0u);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string unknown_option(const std::string& word, const std::vector<OptionSpec>& specs) {
  std::vector<std::string> names;
  for (const OptionSpec& spec : specs) names.push_back(spec.name);
  const std::string near = nearest(word, names);
  return "unknown option --" + word + (near.empty() ? "" : "; did you mean --" + near + "?");
}

std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./,:=+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  std::string best;
  std::size_t distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : words) {
    const bool part = word.size() >= 3 && candidate.find(word) != std::string::npos;
    const std::size_t d = part ? 1 : edit_distance(word, candidate);
    if (d < distance) distance = d, best = candidate;
  }
  return best;
}

std::optional<double> parse_number(std::string_view text) {
  const std::string copy(text);
  if (copy.empty() || std::isspace(static_cast<unsigned char>(copy[0]))) return std::nullopt;
  std::size_t used = 0;
  double value = 0;
  try {
    value = std::stod(copy, &used);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  if (used + 1 == copy.size()) {
    switch (copy[used]) {
      case 'k':
      case 'K':
        value *= 1024, ++used;
        break;
      case 'm':
      case 'M':
        value *= 1024 * 1024, ++used;
        break;
      default:
        break;
    }
  }
  if (used != copy.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<OptionSpec> common_options() {
  return {
      {"seed", "N", "0", "seed of everything random"},
      {"backend", "NAME[:DEVICE]", "",
       "where to compute (default: the first that runs; see polysem backends)"},
      {"precision", "f32|tf32|bf16|f16", "f32",
       "arithmetic of the large products (polysem backends: which has what)"},
      {"threads", "N", "0", "CPU threads (0: all)"},
      {"fallback", "", "", "let single operations that the backend lacks run on the reference backend"},
      {"out", "PATH", "", "where to write the result"},
      {"json", "FILE", "", "also write the result as JSON"},
      {"config", "FILE", "", "JSON file with options; the command line wins"},
      {"quiet", "", "", "no progress"},
  };
}

Arguments::Arguments(const Command& command, const std::vector<std::string>& words)
    : command_(&command), specs_(command.options) {
  for (OptionSpec& spec : common_options()) {
    const bool own =
        std::any_of(specs_.begin(), specs_.end(), [&](const auto& s) { return s.name == spec.name; });
    if (!own) specs_.push_back(std::move(spec));
  }
  auto parser = make_parser(command, specs_);
  std::vector<const char*> argv = {"polysem"};
  const auto plain = with_short_names(words);
  for (const std::string& word : plain) argv.push_back(word.c_str());
  try {
    const auto result = parser.parse(static_cast<int>(argv.size()), argv.data());
    for (const OptionSpec& spec : specs_) {
      if (result.count(spec.name) == 0) continue;
      values_[spec.name] = spec.value_name.empty() ? std::vector<std::string>{"true"}
                                                   : result[spec.name].as<std::vector<std::string>>();
      if (values_[spec.name].empty()) values_[spec.name] = {""};
    }
    // cxxopts cuts every value at its commas, which drops empty parts. Of an option that is no list, the
    // whole of what was given last counts.
    for (const auto& word : result.arguments()) {
      const auto spec =
          std::find_if(specs_.begin(), specs_.end(), [&](const auto& s) { return s.name == word.key(); });
      if (spec != specs_.end() && !spec->list && !spec->value_name.empty())
        values_[spec->name] = {word.value()};
    }
    if (result.count("positional") > 0) positional_ = result["positional"].as<std::vector<std::string>>();
  } catch (const cxxopts::exceptions::no_such_option& error) {
    std::string name = error.what();
    const auto first = name.find_first_not_of("Option ‘'`");
    for (const std::string& word : words) {
      if (word.size() > 2 && word[0] == '-' && word[1] == '-') {
        const std::string key =
            word.substr(2, word.find('=') == std::string::npos ? word.npos : word.find('=') - 2);
        if (name.find(key) != std::string::npos) throw UsageError(unknown_option(key, specs_));
      }
    }
    throw UsageError(first == std::string::npos ? name : error.what());
  } catch (const cxxopts::exceptions::exception& error) {
    throw UsageError(error.what());
  }
  if (given("config")) apply_config(text("config"));
  for (OptionSpec& spec : specs_)
    if (given("quick") && !spec.quick.empty()) spec.value = spec.quick;
}

void Arguments::apply_config(const std::string& path) {
  ConfigFile file = read_config_file(path, command_->name, specs_);
  if (positional_.empty()) positional_ = std::move(file.positional);
  std::erase_if(file.options,
                [&](const auto& option) { return given(option.first) || replaced(option.first); });
  for (auto& [key, value] : file.options) {
    values_[key] = std::move(value.words);
    places_[key] = std::move(value.place);
  }
}

bool Arguments::replaced(std::string_view name) const {
  return std::any_of(specs_.begin(), specs_.end(), [&](const OptionSpec& spec) {
    return (spec.instead_of == name && given(spec.name)) ||
           (spec.name == name && !spec.instead_of.empty() && given(spec.instead_of));
  });
}

void Arguments::refuse(std::string_view name, const std::string& why) const {
  if (const auto place = places_.find(name); place != places_.end())
    throw Error(ErrorCode::kBadInput, place->second + ": " + why);
  throw UsageError("option --" + std::string(name) + ": " + why);
}

bool Arguments::given(std::string_view name) const { return values_.find(name) != values_.end(); }

bool Arguments::has(std::string_view name) const {
  if (given(name)) return true;
  return std::any_of(specs_.begin(), specs_.end(),
                     [&](const auto& s) { return s.name == name && !s.value.empty(); });
}

bool Arguments::flag(std::string_view name) const { return given(name); }

const std::string& Arguments::required(std::string_view name) const {
  if (const auto it = values_.find(name); it != values_.end()) return it->second.back();
  for (const OptionSpec& spec : specs_) {
    if (spec.name == name && !spec.value.empty()) return spec.value;
  }
  refuse(name, "is needed; see 'polysem help " + std::string(command_->name) + "'");
}

std::string Arguments::text(std::string_view name) const { return required(name); }

std::vector<std::string> Arguments::list(std::string_view name) const {
  if (const auto it = values_.find(name); it != values_.end()) return it->second;
  if (has(name)) return {required(name)};
  return {};
}

double Arguments::number(std::string_view name, double lowest, double highest) const {
  const std::string& word = required(name);
  const auto value = parse_number(word);
  std::ostringstream range;
  range << "expected a number from " << lowest << " to " << highest << ", found '" << word << "'";
  if (!value || *value < lowest || *value > highest) refuse(name, range.str());
  return *value;
}

std::int64_t Arguments::integer(std::string_view name, std::int64_t lowest, std::int64_t highest) const {
  const std::string& word = required(name);
  const auto value = parse_number(word);
  const bool whole = value && *value == std::floor(*value) && std::abs(*value) <= 9007199254740992.0;
  if (!whole || static_cast<std::int64_t>(*value) < lowest || static_cast<std::int64_t>(*value) > highest) {
    const bool open = highest == std::numeric_limits<std::int64_t>::max();
    refuse(name, "expected a whole number " +
                     (open ? "of at least " + std::to_string(lowest)
                           : "from " + std::to_string(lowest) + " to " + std::to_string(highest)) +
                     ", found '" + word + "'");
  }
  return static_cast<std::int64_t>(*value);
}

std::string Arguments::choice(std::string_view name, const std::vector<std::string>& words) const {
  const std::string& word = required(name);
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  std::string all;
  for (const std::string& w : words) all += (all.empty() ? "" : ", ") + w;
  refuse(name, "expected one of " + all + ", found '" + word + "'");
}

const std::string& Arguments::only_positional() const {
  if (positional_.size() == 1) return positional_[0];
  throw UsageError("polysem " + std::string(command_->name) + " takes one argument, " +
                   std::string(command_->positional) + "; found " + std::to_string(positional_.size()));
}

nlohmann::json Arguments::effective() const {
  nlohmann::json options = nlohmann::json::object();
  for (const OptionSpec& spec : specs_) {
    if (spec.name == "config" || spec.name == "json") continue;
    const auto it = values_.find(spec.name);
    if (it != values_.end()) {
      if (spec.value_name.empty()) {
        options[spec.name] = true;
      } else if (spec.list) {
        options[spec.name] = it->second;
      } else {
        options[spec.name] = it->second.back();
      }
    } else if (!spec.value.empty() && !replaced(spec.name)) {
      options[spec.name] = spec.list ? nlohmann::json({spec.value}) : nlohmann::json(spec.value);
    }
  }
  return {{"command", command_->name}, {"arguments", positional_}, {"options", options}};
}

std::string Arguments::command_line() const {
  std::string line = "polysem " + std::string(command_->name);
  for (const std::string& word : positional_) line += " " + quoted(word);
  for (const OptionSpec& spec : specs_) {
    const auto it = values_.find(spec.name);
    if (it == values_.end() || spec.name == "config") continue;
    if (spec.value_name.empty()) {
      line += " --" + spec.name;
      continue;
    }
    for (const std::string& value : it->second) line += " --" + spec.name + " " + quoted(value);
  }
  return line;
}

namespace {

constexpr std::size_t kHelpColumn = 30, kHelpWidth = 80;

/// Words in lines that end before column 80; lines after the first are indented like it.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::istringstream words(text);
  std::string out;
  std::size_t column = indent;
  for (std::string word; words >> word;) {
    if (!out.empty() && column + 1 + word.size() > kHelpWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string defaults_of(const OptionSpec& spec) {
  if (spec.value.empty()) return "";
  return " [" + spec.value + (spec.quick.empty() ? "" : "; " + spec.quick + " with --quick") + "]";
}

}  // namespace

std::string help_text(const Command& command) {
  std::ostringstream out;
  out << "polysem " << command.name << ": " << command.summary << "\n\n";
  if (!command.details.empty()) out << wrapped(std::string(command.details), 0) << "\n\n";
  out << "usage: polysem " << command.name;
  if (!command.positional.empty()) out << ' ' << command.positional;
  out << " [options]\n\nexample:\n  " << command.example << "\n";
  const auto section = [&](std::string_view title, const std::vector<OptionSpec>& specs) {
    if (specs.empty()) return;
    out << "\n" << title << ":\n";
    for (const OptionSpec& spec : specs) {
      std::string left = "  --" + spec.name + (spec.value_name.empty() ? "" : " " + spec.value_name);
      left.resize(std::max(left.size() + 2, kHelpColumn), ' ');
      if (left.size() > kHelpColumn) left += "\n" + std::string(kHelpColumn, ' ');
      out << left << wrapped(spec.help + defaults_of(spec), kHelpColumn) << "\n";
    }
  };
  section("options", command.options);
  std::vector<OptionSpec> common;
  for (const OptionSpec& spec : common_options()) {
    if (std::none_of(command.options.begin(), command.options.end(),
                     [&](const auto& s) { return s.name == spec.name; }))
      common.push_back(spec);
  }
  section("options of every command", common);
  return out.str();
}

}  // namespace polysem::program
