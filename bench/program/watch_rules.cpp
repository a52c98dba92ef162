#include "bench/program/watch_rules.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/program/arguments.hpp"
#include "lib/io/json.hpp"
#include "polysem/error.hpp"

namespace polysem::program {

namespace {

using io::JsonView;

constexpr std::size_t kMost = 65535;  // of watches, rules and probes that polysem::core takes

void expect_keys(const JsonView& object, const std::vector<std::string>& known) {
  if (!object.json().is_object())
    object.fail("expected an object, found " + std::string(object.json().type_name()));
  for (const auto& [key, value] : object.json().items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = nearest(key, known);
    object.fail("unknown key '" + key + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
}

float number_or(const JsonView& object, std::string_view key, float otherwise) {
  const auto value = object.find(key);
  if (!value) return otherwise;
  const double number = value->number();
  if (!std::isfinite(number) || std::abs(number) > double{std::numeric_limits<float>::max()})
    value->fail("expected a finite number");
  return static_cast<float>(number);
}

/// "off", which is "on" where it is not given.
float off_of(const JsonView& object, float on) {
  const float off = number_or(object, "off", on);
  if (off > on) object.at("off").fail("must not be above \"on\"");
  return off;
}

std::vector<JsonView> elements_of(const JsonView& root, std::string_view key) {
  const auto list = root.find(key);
  if (!list) return {};
  auto elements = list->elements();
  if (elements.size() > kMost) list->fail("more than " + std::to_string(kMost));
  return elements;
}

void add_name(std::vector<std::string>& names, const std::string& name, const JsonView& place) {
  if (name.empty() || name[0] == '!') place.fail("a name must not be empty nor begin with '!'");
  if (std::find(names.begin(), names.end(), name) != names.end())
    place.fail("there are two of the name '" + name + "'");
  names.push_back(name);
}

std::uint32_t find_watch(const std::vector<std::string>& names, const std::string& name,
                         const JsonView& place) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<std::uint32_t>(at - names.begin());
  const std::string near = nearest(name, names);
  place.fail("there is no watch '" + name + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

polysem_watch read_watch(const JsonView& view, const CoreModel& coder) {
  expect_keys(view, {"latent", "name", "on", "off", "smoothing"});
  polysem_watch watch{};
  const JsonView latent = view.at("latent");
  const std::int64_t number = latent.integer();
  try {
    watch.latent = coder.find(number);
  } catch (const Error& error) {
    latent.fail(error.what());
  }
  watch.on = number_or(view, "on", 0.0f);
  watch.off = off_of(view, watch.on);
  watch.smoothing = number_or(view, "smoothing", 1.0f);
  if (!(watch.smoothing > 0 && watch.smoothing <= 1))
    view.at("smoothing").fail("expected a number above 0, up to 1 (which is none)");
  return watch;
}

std::string name_of_watch(const JsonView& view, const CoreModel& coder, std::uint32_t latent) {
  if (const auto name = view.find("name")) return name->string();
  const std::string known = coder.latent_name(latent);
  return known.empty() ? std::to_string(coder.source_latent(latent)) : known;
}

std::vector<polysem_term> read_terms(const JsonView& list, const std::vector<std::string>& watches) {
  std::vector<polysem_term> terms;
  for (const JsonView& element : list.elements()) {
    std::string name = element.string();
    const bool negated = name.starts_with('!');
    if (negated) name.erase(0, 1);
    terms.push_back({find_watch(watches, name, element), negated ? 1u : 0u});
  }
  if (terms.empty()) list.fail("expected at least one watch");
  return terms;
}

}  // namespace

std::string_view name(polysem_subject subject) noexcept {
  constexpr std::string_view kNames[] = {"watch", "rule", "probe"};
  return kNames[subject];
}

WatchRules::WatchRules(const std::filesystem::path& file, const CoreModel& coder) {
  const io::Json json = io::read_json(file);
  const JsonView root(json, file.string());
  expect_keys(root, {"watch", "rules", "probes"});
  auto& watches = names_[POLYSEM_WATCH];
  for (const JsonView& view : elements_of(root, "watch")) {
    watches_.push_back(read_watch(view, coder));
    add_name(watches, name_of_watch(view, coder, watches_.back().latent), view);
  }
  if (watches_.empty()) root.fail("nothing to watch: expected a list \"watch\" of at least one latent");

  for (const JsonView& view : elements_of(root, "rules")) {
    expect_keys(view, {"name", "all", "any"});
    add_name(names_[POLYSEM_RULE], view.at("name").string(), view);
    const auto all = view.find("all"), any = view.find("any");
    if (all.has_value() == any.has_value()) view.fail("expected either \"all\" or \"any\"");
    terms_.push_back(read_terms(all ? *all : *any, watches));
    polysem_rule rule{};
    rule.kind = all ? POLYSEM_ALL : POLYSEM_ANY;
    rules_.push_back(rule);
  }
  for (const JsonView& view : elements_of(root, "probes")) {
    expect_keys(view, {"name", "weights", "bias", "on", "off"});
    add_name(names_[POLYSEM_PROBE], view.at("name").string(), view);
    const JsonView weights = view.at("weights");
    if (!weights.json().is_object() || weights.json().empty())
      weights.fail("expected an object of watches and their weights");
    weights_.emplace_back();
    for (const auto& [key, value] : weights.json().items())
      weights_.back().push_back({find_watch(watches, key, weights), number_or(weights, key, 0.0f)});
    polysem_probe probe{};
    probe.bias = number_or(view, "bias", 0.0f);
    probe.on = number_or(view, "on", 0.5f);
    probe.off = off_of(view, probe.on);
    probes_.push_back(probe);
  }
  for (std::size_t i = 0; i < rules_.size(); ++i)
    rules_[i].terms = terms_[i].data(), rules_[i].term_count = terms_[i].size();
  for (std::size_t i = 0; i < probes_.size(); ++i)
    probes_[i].weights = weights_[i].data(), probes_[i].weight_count = weights_[i].size();
}

std::size_t WatchRules::count(polysem_subject subject) const noexcept { return names_[subject].size(); }

polysem_config WatchRules::config() const noexcept {
  polysem_config config{};
  config.watches = watches_.data(), config.watch_count = watches_.size();
  config.rules = rules_.data(), config.rule_count = rules_.size();
  config.probes = probes_.data(), config.probe_count = probes_.size();
  return config;
}

}  // namespace polysem::program
