#include "bench/report/report_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/report/visible_bytes.hpp"
#include "polysem/error.hpp"

namespace polysem {
namespace {

using Json = nlohmann::ordered_json;

/// Points of a curve on the page; more than pixels would not show.
constexpr std::size_t kCurvePoints = 500;

/// Four significant digits, or null for what is not known.
Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return std::strtod(text, nullptr);
}

/// Strings by number, each once.
class StringTable {
 public:
  std::size_t add(const std::string& bytes) {
    const auto [place, added] = numbers_.try_emplace(bytes, numbers_.size());
    if (added) names_.push_back(visible_bytes(bytes));
    return place->second;
  }
  const Json& names() const { return names_; }

 private:
  std::map<std::string, std::size_t> numbers_;
  Json names_ = Json::array();
};

struct Tables {
  StringTable tokens, documents;
};

Json provenance(const ReportProvenance& p) {
  Json commands = Json::array();
  for (const std::string& command : p.commands) commands.push_back(visible_bytes(command));
  return {{"recipe", visible_bytes(p.recipe)},
          {"inputs", p.inputs},
          {"latents", p.latents},
          {"active_latents", number(p.active_latents)},
          {"model", visible_bytes(p.model)},
          {"site", visible_bytes(p.site)},
          {"text", visible_bytes(p.text)},
          {"training_rows", p.training_rows},
          {"dropped_rows", p.dropped_rows},
          {"samples", p.samples},
          {"seed", std::to_string(p.seed)},  // 64 bits do not fit a number of JavaScript
          {"backend", visible_bytes(p.backend)},
          {"precision", visible_bytes(p.precision)},
          {"version", visible_bytes(p.version)},
          {"commands", commands}};
}

Json evaluation(const std::string& text) {
  if (text.empty()) return nullptr;
  Json result = Json::parse(text, nullptr, false);
  if (!result.is_object()) {
    throw Error(ErrorCode::kBadInput,
                "report: the evaluation is not a JSON object; pass what `polysem eval --json` wrote");
  }
  return result;
}

Json curve(const std::vector<TrainingPoint>& points) {
  Json result;
  for (const char* key : {"samples", "loss", "fvu", "dead_fraction", "learning_rate"})
    result[key] = Json::array();
  const std::size_t step = std::max<std::size_t>(1, (points.size() + kCurvePoints - 1) / kCurvePoints);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i % step != 0 && i + 1 != points.size()) continue;
    result["samples"].push_back(number(points[i].samples));
    result["loss"].push_back(number(points[i].loss));
    result["fvu"].push_back(number(points[i].fvu));
    result["dead_fraction"].push_back(number(points[i].dead_fraction));
    result["learning_rate"].push_back(number(points[i].learning_rate));
  }
  return result;
}

Json context(const ReportContext& c, std::size_t labels, Tables& tables) {
  if (c.activations.size() != c.tokens.size() || c.peak >= c.tokens.size()) {
    throw Error(ErrorCode::kInvalidArgument, "report: a context has " + std::to_string(c.tokens.size()) +
                                                 " tokens, " + std::to_string(c.activations.size()) +
                                                 " activations and its peak at " + std::to_string(c.peak));
  }
  Json tokens = Json::array(), activations = Json::array();
  for (std::size_t i = 0; i < c.tokens.size(); ++i) {
    tokens.push_back(c.tokens[i].empty() ? Json(-1) : Json(tables.tokens.add(c.tokens[i])));
    if (c.activations[i] == 0.0f) continue;
    activations.push_back(i);
    activations.push_back(number(static_cast<double>(c.activations[i])));
  }
  const bool labelled = c.label >= 0 && static_cast<std::size_t>(c.label) < labels;
  return {{"t", std::move(tokens)},
          {"a", std::move(activations)},
          {"p", c.peak},
          {"d", c.document.empty() ? Json(-1) : Json(tables.documents.add(c.document))},
          {"l", labelled ? c.label : -1},
          {"q", number(c.quantile)}};
}

Json contexts(const std::vector<ReportContext>& list, std::size_t labels, Tables& tables) {
  Json result = Json::array();
  for (const ReportContext& c : list) result.push_back(context(c, labels, tables));
  return result;
}

Json effects(const std::vector<TokenEffect>& list, Tables& tables) {
  Json result = Json::array();
  for (const TokenEffect& effect : list) {
    result.push_back({tables.tokens.add(effect.token), number(static_cast<double>(effect.value))});
  }
  return result;
}

const char* name(LatentChoice choice) {
  switch (choice) {
    case LatentChoice::kInteresting:
      return "interesting";
    case LatentChoice::kRandom:
      return "random";
    case LatentChoice::kRequested:
      return "requested";
  }
  return "requested";
}

Json latent(const LatentEntry& entry, std::size_t labels, Tables& tables) {
  Json nearest = Json::array(), shares = Json::array();
  for (const LatentNeighbour& other : entry.nearest) {
    nearest.push_back({other.latent, number(static_cast<double>(other.cosine))});
  }
  if (!entry.label_shares.empty() && entry.label_shares.size() != labels) {
    throw Error(ErrorCode::kInvalidArgument, "report: latent " + std::to_string(entry.latent) + " has " +
                                                 std::to_string(entry.label_shares.size()) + " shares for " +
                                                 std::to_string(labels) + " labels");
  }
  for (const double share : entry.label_shares) shares.push_back(number(share));
  return {{"latent", entry.latent},
          {"choice", name(entry.choice)},
          {"interest", number(entry.interest)},
          {"density", number(entry.density)},
          {"mean", number(entry.mean_activation)},
          {"max", number(entry.max_activation)},
          {"decoder_norm", number(entry.decoder_norm)},
          {"encoder_decoder_cosine", number(entry.encoder_decoder_cosine)},
          {"histogram", {{"high", number(entry.activations.high)}, {"counts", entry.activations.counts}}},
          {"top", contexts(entry.top, labels, tables)},
          {"samples", contexts(entry.samples, labels, tables)},
          {"promoted", effects(entry.promoted, tables)},
          {"suppressed", effects(entry.suppressed, tables)},
          {"logit_spread", number(entry.logit_spread)},
          {"nearest", std::move(nearest)},
          {"label_shares", std::move(shares)}};
}

/// '<' could end the script element or open a comment in it; JSON has another way to write it.
std::string without_angle_brackets(const std::string& json) {
  std::string result;
  result.reserve(json.size());
  for (const char c : json) c == '<' ? result.append("\\u003c") : result.append(1, c);
  return result;
}

}  // namespace

std::string report_json(const LatentReport& report) {
  Tables tables;
  Json latents = Json::array(), labels = Json::array();
  for (const ReportLabel& label : report.labels) {
    labels.push_back({{"name", visible_bytes(label.name)}, {"row_share", number(label.row_share)}});
  }
  for (const LatentEntry& entry : report.latents) {
    latents.push_back(latent(entry, report.labels.size(), tables));
  }
  const ReportHistogram& density = report.density.log10_density;
  Json json = {{"schema", "polysem.report/1"},
               {"provenance", provenance(report.provenance)},
               {"eval", evaluation(report.eval_json)},
               {"curve", curve(report.curve)},
               {"density",
                {{"low", number(density.low)},
                 {"high", number(density.high)},
                 {"counts", density.counts},
                 {"never_fired", report.density.never_fired}}},
               {"rows", report.rows},
               {"rows_text", visible_bytes(report.rows_text)},
               {"labels", std::move(labels)},
               {"latents", std::move(latents)}};
  json["tokens"] = tables.tokens.names();
  json["documents"] = tables.documents.names();
  return without_angle_brackets(json.dump());
}

}  // namespace polysem
