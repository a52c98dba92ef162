#include "bench/program/latent_list.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <sstream>

#include "bench/program/arguments.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem::program {

namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;

bool parse_whole(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

/// Ranges may overlap: what is kept stays as small as the coder.
void keep_each_once(std::vector<std::uint32_t>& latents) {
  std::sort(latents.begin(), latents.end());
  latents.erase(std::unique(latents.begin(), latents.end()), latents.end());
}

/// Appends "5" or "10-20"; what is wrong with the word, or "".
std::string append(std::string_view word, std::int64_t latents, std::vector<std::uint32_t>& out) {
  const auto dash = word.find('-', 1);
  std::int64_t first = 0, last = 0;
  const bool ok = parse_whole(word.substr(0, dash), first) &&
                  (dash == std::string_view::npos || parse_whole(word.substr(dash + 1), last));
  if (!ok) return "expected a latent (5) or a range (10-20), found '" + std::string(word) + "'";
  if (dash == std::string_view::npos) last = first;
  if (last < first) return "the range " + std::string(word) + " ends before it begins";
  if (last >= latents)
    return "there is no latent " + std::to_string(std::max(first, last)) + "; the coder has 0 to " +
           std::to_string(latents - 1);
  const std::size_t before = out.size();
  out.resize(before + static_cast<std::size_t>(last - first) + 1);
  std::iota(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(), static_cast<std::uint32_t>(first));
  return "";
}

void append_file(const std::string& path, std::int64_t latents, std::vector<std::uint32_t>& out) {
  std::istringstream lines(read_file(path, kMostBytes));
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line = line.substr(0, line.find('#'));
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (const std::string problem = append(word, latents, out); !problem.empty())
        throw Error(ErrorCode::kBadInput, path + ":" + std::to_string(number) + ": " + problem);
      if (out.size() > 2 * static_cast<std::size_t>(latents)) keep_each_once(out);
    }
  }
}

}  // namespace

std::vector<std::uint32_t> parse_latents(const std::vector<std::string>& words, std::int64_t latents,
                                         const std::string& what) {
  std::vector<std::uint32_t> out;
  for (const std::string& word : words) {
    std::error_code error;
    if (std::filesystem::is_regular_file(word, error)) {
      append_file(word, latents, out);
    } else if (const std::string problem = append(word, latents, out); !problem.empty()) {
      throw UsageError(what + ": " + problem +
                       (word.find_first_not_of("0123456789-") == word.npos
                            ? ""
                            : "; there is no file of that name either"));
    }
    keep_each_once(out);
  }
  if (out.empty()) throw UsageError(what + ": no latents");
  return out;
}

}  // namespace polysem::program
