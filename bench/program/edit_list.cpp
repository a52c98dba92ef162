#include "bench/program/edit_list.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "bench/program/arguments.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"

namespace polysem::program {

namespace {

[[noreturn]] void refuse(const std::string& word, const std::string& why) {
  throw UsageError("option --edit: '" + word + "': " + why);
}

polysem_edit parse_edit(const std::string& word, const CoreModel& coder) {
  constexpr const char* kForm = "expected LATENT=+X, =-X, =X, =*X, <=X or >=X";
  const auto sign = word.find_first_of("=<>");
  if (sign == std::string::npos) refuse(word, kForm);
  std::int64_t latent = 0;
  const char *begin = word.data(), *end = begin + sign;
  const auto [stop, error] = std::from_chars(begin, end, latent);
  if (error != std::errc() || stop != end || sign == 0) refuse(word, "the latent is not a whole number");

  polysem_edit edit{};
  std::string value = word.substr(sign + 1);
  edit.kind = POLYSEM_SET;
  if (word[sign] != '=') {
    if (value.empty() || value[0] != '=') refuse(word, kForm);
    edit.kind = word[sign] == '<' ? POLYSEM_CAP : POLYSEM_FLOOR;
    value.erase(0, 1);
  } else if (!value.empty() && (value[0] == '+' || value[0] == '-')) {
    edit.kind = POLYSEM_ADD;
    if (value[0] == '+') value.erase(0, 1);
  } else if (!value.empty() && value[0] == '*') {
    edit.kind = POLYSEM_SCALE;
    value.erase(0, 1);
  }
  const auto number = parse_number(value);
  if (!number || std::abs(*number) > double{std::numeric_limits<float>::max()})
    refuse(word, "expected a finite number, found '" + value + "'");
  edit.value = static_cast<float>(*number);
  if (edit.kind == POLYSEM_SET && edit.value == 0) edit.kind = POLYSEM_ABLATE;
  try {
    edit.latent = coder.find(latent);
  } catch (const Error& absent) {
    refuse(word, absent.what());
  }
  return edit;
}

}  // namespace

std::vector<polysem_edit> parse_edits(const std::vector<std::string>& words, const CoreModel& coder) {
  std::vector<polysem_edit> edits;
  for (const std::string& word : words) edits.push_back(parse_edit(word, coder));
  return edits;
}

std::string_view name(polysem_edit_kind kind) noexcept {
  constexpr std::string_view kNames[] = {"set", "scale", "add", "cap", "floor", "ablate"};
  return kNames[kind];
}

std::string describe(const polysem_edit& edit) {
  const std::string value = significant(double{edit.value});
  switch (edit.kind) {
    case POLYSEM_SET:
      return "set to " + value;
    case POLYSEM_SCALE:
      return "times " + value;
    case POLYSEM_ADD:
      return edit.value < 0 ? "take off " + significant(-double{edit.value}) : "add " + value;
    case POLYSEM_CAP:
      return "at most " + value;
    case POLYSEM_FLOOR:
      return "at least " + value;
    case POLYSEM_ABLATE:
      break;
  }
  return "ablate";
}

}  // namespace polysem::program
