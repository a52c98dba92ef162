// polysem toy composition: what composes and what memorises, in a world of colours and shapes.
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/composition_runs.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;

struct Plan {
  std::int64_t colours = 8, shapes = 8, network_seeds = 1, dictionary_seeds = 1, dictionary_steps = 1,
               dim = 16;
  std::vector<std::int64_t> diagonals;
  FactorNetworkConfig network;
  bool as_published = false;  ///< the world that the bands belong to
};

Plan plan_of(const Arguments& a) {
  Plan p;
  p.colours = a.integer("colours", 2, 1000), p.shapes = a.integer("shapes", 2, 1000);
  p.diagonals = whole_numbers_of(a, "held-out", 0, 999);
  p.network_seeds = a.integer("instances", 1, 100000),
  p.dictionary_seeds = a.integer("dictionaries", 1, 100000);
  p.dictionary_steps = a.integer("dictionary-steps", 1, 1 << 30);
  p.dim = a.integer("dims", 1, 100000);
  p.network.hidden = a.integer("hidden", 1, 100000), p.network.steps = a.integer("steps", 1, 1 << 30);
  p.network.rate = a.number("lr", 1e-12, 1e6), p.network.weight_decay = a.number("weight-decay", 0, 1e6);
  make_factor_world(p.colours, p.shapes, p.diagonals);
  p.as_published = p.colours == 8 && p.shapes == 8 && p.diagonals == std::vector<std::int64_t>{0, 3} &&
                   p.network.hidden == 64 && p.network.steps == 4000 && p.dictionary_steps == 3000 &&
                   p.dim == 16;
  return p;
}

// The bands are the quantiles over 40 and 20 seeds of an independent implementation.
std::vector<NetworkRow> network_rows(const Plan& p) {
  std::vector<NetworkRow> rows;
  const auto add = [&](bool factored, double alpha, Band held_out, Band interaction) {
    FactorNetworkConfig config = p.network;
    config.factored = factored, config.alpha = alpha;
    rows.push_back({(factored ? "factored, alpha " : "holistic, alpha ") + significant(alpha, 2), config,
                    p.as_published ? held_out : Band{}, p.as_published ? interaction : Band{}});
  };
  add(true, 0, {.988, .994}, {.010, .025});
  add(true, 0.5, {-.139, .309}, {.158, .181});
  add(true, 1, {-.870, -.305}, {.183, .210});
  add(false, 0, {-.079, .018}, {.389, .444});
  add(false, 1, {-.076, .035}, {.746, .795});
  return rows;
}

DictionaryRow dictionary_row(const Plan& p, std::int64_t latents, std::int64_t k, double lambda,
                             Band band = {}) {
  SmallDictionaryConfig config{.latents = latents, .k = k, .lambda = lambda, .steps = p.dictionary_steps};
  const std::string kind = k > 0 ? "topk, k " + std::to_string(k) : "l1, lambda " + significant(lambda, 2);
  return {std::to_string(latents) + " latents, " + kind, config, p.dim, p.diagonals,
          p.as_published ? band : Band{}};
}

std::vector<DictionaryRow> published_dictionaries(const Plan& p) {
  return {dictionary_row(p, 64, 1, 0, {.855, .996}), dictionary_row(p, 16, 2, 0, {.062, .208}),
          dictionary_row(p, 64, 0, .3, {.662, 1.213}), dictionary_row(p, 16, 0, .1, {.030, .075})};
}

const std::vector<std::int64_t>& widths() {
  static const std::vector<std::int64_t> kWidths = {8, 16, 24, 32, 48, 64};
  return kWidths;
}

struct Sweep {
  std::string name;
  std::vector<DictionaryRow> rows;
};

// From composing to memorising: over width for several k and lambda.
std::vector<Sweep> sweeps_of(const Plan& p) {
  std::vector<Sweep> sweeps;
  for (const std::int64_t k : {1, 2, 3}) {
    sweeps.push_back({"topk, k " + std::to_string(k), {}});
    for (const std::int64_t width : widths()) sweeps.back().rows.push_back(dictionary_row(p, width, k, 0));
  }
  for (const double lambda : {.1, .3}) {
    sweeps.push_back({"l1, λ " + significant(lambda, 2), {}});
    for (const std::int64_t width : widths())
      sweeps.back().rows.push_back(dictionary_row(p, width, 0, lambda));
  }
  return sweeps;
}

// More and more diagonals held out.
std::vector<Sweep> held_out_sweeps(const Plan& p) {
  std::vector<Sweep> sweeps = {{"64 latents, k 1", {}}, {"16 latents, k 2", {}}};
  for (std::int64_t count = 1; count <= std::min<std::int64_t>(5, std::min(p.colours, p.shapes) - 1);
       ++count) {
    for (Sweep& sweep : sweeps) {
      DictionaryRow row = &sweep == &sweeps[0] ? dictionary_row(p, 64, 1, 0) : dictionary_row(p, 16, 2, 0);
      row.diagonals.clear();
      for (std::int64_t d = 0; d < count; ++d) row.diagonals.push_back(d * 3 % std::min(p.colours, p.shapes));
      std::sort(row.diagonals.begin(), row.diagonals.end());
      row.diagonals.erase(std::unique(row.diagonals.begin(), row.diagonals.end()), row.diagonals.end());
      sweep.rows.push_back(row);
    }
  }
  return sweeps;
}

void run_sweeps(const Arguments& a, const Plan& p, std::vector<Sweep>& sweeps, std::int64_t seeds) {
  std::vector<DictionaryRow> all;
  for (Sweep& sweep : sweeps) all.insert(all.end(), sweep.rows.begin(), sweep.rows.end());
  run_dictionaries(a, p.colours, p.shapes, all, seeds);
  auto next = all.begin();
  for (Sweep& sweep : sweeps)
    for (DictionaryRow& row : sweep.rows) row = std::move(*next++);
}

std::string verdict(const Band& band, double value) {
  if (!band.known()) return "";
  return significant(band.low, 3) + " to " + significant(band.high, 3) +
         (band.holds(value) ? "" : " (outside)");
}

void report_networks(const std::vector<NetworkRow>& rows, Outcome& out) {
  for (const NetworkRow& row : rows) {
    const Mean held = mean_of(row, &FactorNetworkResult::r2_held_out);
    const Mean interaction = mean_of(row, &FactorNetworkResult::interaction);
    const Mean additive = mean_of(row, &FactorNetworkResult::additive_r2_held_out);
    out.table.push_back({"network: " + row.name, mean_text(mean_of(row, &FactorNetworkResult::r2_train)),
                         mean_text(held), verdict(row.held_out, held.value), mean_text(interaction),
                         verdict(row.interaction, interaction.value)});
    nlohmann::json j = {
        {"kind", "network"},
        {"name", row.name},
        {"factored", row.config.factored},
        {"alpha", row.config.alpha},
        {"r2_train", mean_json(mean_of(row, &FactorNetworkResult::r2_train))},
        {"r2_held_out", mean_json(held)},
        {"additive_r2_train", mean_json(mean_of(row, &FactorNetworkResult::additive_r2_train))},
        {"additive_r2_held_out", mean_json(additive)},
        {"interaction", mean_json(interaction)}};
    if (row.held_out.known())
      j["band_r2_held_out"] = {row.held_out.low, row.held_out.high},
      j["band_interaction"] = {row.interaction.low, row.interaction.high};
    out.result["points"].push_back(j);
    NamedTensor parameters{"network." + row.name, {static_cast<std::int64_t>(row.runs.size()), 0}, {}};
    for (const FactorNetworkResult& run : row.runs) {
      parameters.shape[1] = static_cast<std::int64_t>(run.parameters.size());
      parameters.values.insert(parameters.values.end(), run.parameters.begin(), run.parameters.end());
      out.result["instances"].push_back(
          {{"kind", "network"}, {"name", row.name}, {"diverged", run.diverged}});
    }
    out.weights.push_back(std::move(parameters));
  }
}

nlohmann::json dictionary_json(const DictionaryRow& row) {
  std::vector<double> live;
  for (const FactorLatents& run : row.runs) live.push_back(static_cast<double>(run.live));
  nlohmann::json j = {{"kind", "dictionary"},
                      {"name", row.name},
                      {"latents", row.config.latents},
                      {"k", row.config.k},
                      {"lambda", row.config.k > 0 ? nlohmann::json() : nlohmann::json(row.config.lambda)},
                      {"held_out", row.diagonals},
                      {"fvu_seen", mean_json(mean_of(row, &FactorLatents::fvu_seen))},
                      {"fvu_held_out", mean_json(mean_of(row, &FactorLatents::fvu_held_out))},
                      {"live", mean_json(program::mean_of(live))},
                      {"single", mean_json(mean_of(row, &FactorLatents::single))},
                      {"factor", mean_json(mean_of(row, &FactorLatents::factor))},
                      {"l0", mean_json(mean_of(row, &FactorLatents::l0))}};
  if (row.held_out.known()) j["band_fvu_held_out"] = {row.held_out.low, row.held_out.high};
  return j;
}

void report_dictionaries(const std::vector<DictionaryRow>& rows, Outcome& out) {
  for (const DictionaryRow& row : rows) {
    const Mean held = mean_of(row, &FactorLatents::fvu_held_out);
    out.table.push_back({"dictionary: " + row.name, mean_text(mean_of(row, &FactorLatents::fvu_seen)),
                         mean_text(held), verdict(row.held_out, held.value),
                         mean_text(mean_of(row, &FactorLatents::single)), ""});
    out.result["points"].push_back(dictionary_json(row));
    NamedTensor decoder{"dictionary." + row.name,
                        {static_cast<std::int64_t>(row.runs.size()), row.config.latents, row.dim},
                        {}};
    for (const SmallDictionary& d : row.dictionaries)
      for (std::int64_t j = 0; j < d.latents; ++j)
        for (const double v : d.decoder_row(j)) decoder.values.push_back(static_cast<float>(v));
    out.weights.push_back(std::move(decoder));
    for (std::size_t i = 0; i < row.runs.size(); ++i)
      out.result["instances"].push_back({{"kind", "dictionary"}, {"name", row.name}, {"diverged", false}});
  }
}

figures::Panel network_panel(const std::vector<NetworkRow>& rows) {
  figures::Panel panel;
  panel.title = "networks";
  panel.y = {.label = "R² on held-out combinations, share"};
  Series held{.name = "R² held out", .kind = Series::Kind::kBars, .colour = 0};
  Series interaction{.name = "interaction in the hidden layer", .kind = Series::Kind::kBars, .colour = 4};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto x = static_cast<double>(i);
    panel.x.ticks.emplace_back(
        x, (rows[i].config.factored ? "f " : "h ") + significant(rows[i].config.alpha, 2));
    for (const bool first : {true, false}) {
      const Mean mean =
          mean_of(rows[i], first ? &FactorNetworkResult::r2_held_out : &FactorNetworkResult::interaction);
      Series& series = first ? held : interaction;
      series.x.push_back(x), series.y.push_back(mean.value), series.error.push_back(mean.standard_error);
    }
  }
  panel.x.label = "factored or holistic input, α";
  panel.series = {held, interaction};
  return panel;
}

figures::Panel sweep_panel(const std::vector<Sweep>& sweeps, double FactorLatents::*what,
                           const std::string& title, const std::string& label, bool over_width,
                           std::int64_t combinations) {
  figures::Panel panel;
  panel.title = title;
  panel.x.label = over_width ? "latents" : "share of combinations held out";
  panel.y.label = label;
  for (const Sweep& sweep : sweeps) {
    Series line{.name = sweep.name};
    for (const DictionaryRow& row : sweep.rows) {
      const Mean mean = mean_of(row, what);
      const auto held = static_cast<double>(row.diagonals.size());
      line.x.push_back(over_width ? static_cast<double>(row.config.latents)
                                  : held / std::sqrt(static_cast<double>(combinations)));
      line.y.push_back(mean.value), line.error.push_back(mean.standard_error);
    }
    panel.series.push_back(line);
  }
  return panel;
}

std::vector<ComposedRow> composed_rows() {
  std::vector<ComposedRow> rows;
  for (const double one_hot : {0.0, 0.75})
    for (const double rate : {1e-3, 3e-3, 1e-2})
      for (const double lambda : {.03, .1, .3}) rows.push_back({lambda, one_hot, rate});
  return rows;
}

void report_composed(const std::vector<ComposedRow>& rows, Outcome& out) {
  figures::Panel panel;
  panel.title = "composed features x + y";
  panel.x = {.label = "strength of L1", .log = true};
  panel.y = {.label = "latents nearer to x + y than to x or y", .lowest = 0, .highest = 1.05};
  double all = 0, count = 0, mixed = 0, mixed_count = 0;
  for (const ComposedRow& row : rows) {
    std::vector<double> finite;
    for (const double v : row.composed)
      if (std::isfinite(v)) finite.push_back(v);
    const Mean mean = program::mean_of(finite);
    out.result["composed"].push_back(
        {{"lambda", row.lambda}, {"lr", row.rate}, {"one_hot", row.one_hot}, {"composed", mean_json(mean)}});
    const std::string name =
        (row.one_hot > 0 ? "75 % alone, lr " : "always both, lr ") + significant(row.rate, 1);
    if (panel.series.empty() || panel.series.back().name != name) panel.series.push_back({.name = name});
    Series& line = panel.series.back();
    line.x.push_back(row.lambda), line.y.push_back(mean.value), line.error.push_back(mean.standard_error);
    if (!std::isfinite(mean.value)) continue;
    (row.one_hot > 0 ? mixed : all) += mean.value, ++(row.one_hot > 0 ? mixed_count : count);
  }
  out.figure.panels.push_back(panel);
  out.text += "composed features: of the latents, " + significant(count > 0 ? 100 * all / count : NAN, 3) +
              " % lie nearer to a sum x + y than to a feature where both always come together, " +
              significant(mixed_count > 0 ? 100 * mixed / mixed_count : NAN, 3) +
              " % where 75 % of the samples have one feature\n";
}

void add_sweeps(const std::vector<Sweep>& sweeps, const char* key, Outcome& out) {
  for (const Sweep& sweep : sweeps)
    for (const DictionaryRow& row : sweep.rows) out.result[key].push_back(dictionary_json(row));
}

Outcome run(const Arguments& a, Session& session) {
  const Plan plan = plan_of(a);
  const std::int64_t sweep_seeds = a.integer("sweep-seeds", 1, 100000);
  std::vector<NetworkRow> networks = network_rows(plan);
  run_networks(a, make_factor_world(plan.colours, plan.shapes, plan.diagonals), networks, plan.network_seeds);
  std::vector<DictionaryRow> dictionaries = published_dictionaries(plan);
  run_dictionaries(a, plan.colours, plan.shapes, dictionaries, plan.dictionary_seeds);
  std::vector<Sweep> over_width = sweeps_of(plan), over_held_out = held_out_sweeps(plan);
  run_sweeps(a, plan, over_width, sweep_seeds);
  run_sweeps(a, plan, over_held_out, sweep_seeds);
  std::vector<ComposedRow> composed = composed_rows();
  run_composed(a, session, composed, sweep_seeds);

  Outcome out;
  out.table = {{"", "R² or FVU seen", "held out", "expected", "interaction or single", "expected"}};
  report_networks(networks, out);
  report_dictionaries(dictionaries, out);
  add_sweeps(over_width, "over_width", out), add_sweeps(over_held_out, "over_held_out", out);
  const std::int64_t combinations = plan.colours * plan.shapes;
  out.figure.panels = {network_panel(networks),
                       sweep_panel(over_width, &FactorLatents::fvu_held_out, "dictionaries: error",
                                   "FVU on held-out combinations", true, combinations),
                       sweep_panel(over_width, &FactorLatents::single, "dictionaries: memorising",
                                   "latents of a single combination", true, combinations),
                       sweep_panel(over_held_out, &FactorLatents::fvu_held_out, "dictionaries: fewer seen",
                                   "FVU on held-out combinations", false, combinations)};
  report_composed(composed, out);
  out.figure.description =
      "Held-out combinations of colour and shape: networks, dictionaries over width and over the share held "
      "out, and "
      "dictionaries on composed features of a toy model.";
  return out;
}

const Command& command() {
  static const Command only = {
      .name = "toy composition",
      .summary = "colours and shapes: networks and dictionaries that compose, and those that memorise",
      .positional = "",
      .details =
          "Networks see a colour and a shape as two inputs or as one, and learn targets that are sums (alpha "
          "0) or "
          "noise (alpha 1); dictionaries see the sum of a colour's and a shape's direction. Diagonals of "
          "combinations "
          "are held out. For the default world every mean lies within the 5 % and 95 % quantiles over seeds "
          "of an "
          "independent run, printed beside it; with --quick, of few seeds, the means may leave them by a "
          "standard "
          "error. Then the passage from one to the other over width, k, sparsity and the share held out. "
          "Last, "
          "composed features x + y of a toy model: where x and y always come together most latents are sums; "
          "where "
          "75 % of the samples have one alone most are the features themselves (Anders et al. 2024 report "
          "sums there, "
          "too).",
      .example = "polysem toy composition --quick --out composition",
      .options =
          {
              {.name = "quick", .value_name = "", .value = "", .help = "a small version, in seconds"},
              {.name = "colours", .value_name = "N", .value = "8", .help = "colours"},
              {.name = "shapes", .value_name = "N", .value = "8", .help = "shapes"},
              {.name = "held-out",
               .value_name = "D",
               .value = "0,3",
               .help = "diagonals of combinations held out of training",
               .list = true},
              {.name = "hidden", .value_name = "M", .value = "64", .help = "hidden neurons of the networks"},
              {.name = "steps", .value_name = "N", .value = "4000", .help = "training steps of the networks"},
              {.name = "lr", .value_name = "RATE", .value = "3e-3", .help = "learning rate of the networks"},
              {.name = "weight-decay", .value_name = "W", .value = "1e-3", .help = "of the networks"},
              {.name = "instances",
               .value_name = "K",
               .value = "40",
               .help = "seeds of each network",
               .quick = "6"},
              {.name = "dictionaries",
               .value_name = "K",
               .value = "20",
               .help = "seeds of each dictionary of the table",
               .quick = "6"},
              {.name = "dictionary-steps",
               .value_name = "N",
               .value = "3000",
               .help = "training steps of dictionaries"},
              {.name = "dims",
               .value_name = "D",
               .value = "16",
               .help = "dimensions of what dictionaries see"},
              {.name = "sweep-seeds",
               .value_name = "K",
               .value = "10",
               .help = "seeds of each point of a curve",
               .quick = "2"},
          },
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& composition() {
  static const Experiment only = {
      &command(), "Composition against memorisation",
      "The same world of colours and shapes, learned as factors or by heart. A network with two inputs "
      "composes when "
      "its targets do; a dictionary composes with k = 2 and as many latents as factors, and memorises with k "
      "= 1 and "
      "one latent a combination. Features that always come together are learned as their sums, mostly.",
      run};
  return only;
}

}  // namespace polysem::program::toy
