#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "polysem/latent_collector.hpp"

/// The data of the page that `polysem report` writes. How it is filled, in order:
///
///  1. `provenance` and `eval_json` from the coder's polysem.json and the evaluation, `curve` from
///     metrics.jsonl (one TrainingPoint a line).
///  2. Encode the rows of a store in their order, hand every batch to a LatentCollector, finish() it;
///     `rows`, `labels` and `density` follow from it (report_labels(), density_histogram()).
///  3. Choose latents: choose_latents() in latent_selection.hpp, or those that the user named.
///  4. latent_entries() of latent_entries.hpp makes their entries: contexts, numbers of the weights, nearest
///     latents, and logit effects for sites that are written to the residual stream.
///  5. report_html() of bench/report makes the page.
///
/// Strings are bytes as the tokeniser or a file name gave them, not necessarily UTF-8: the writer of the page
/// makes them harmless. A number that is not known is NaN and is left out.
namespace polysem {

inline constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();

/// What was trained on what.
struct ReportProvenance {
  std::string recipe;                 ///< "topk"
  std::int64_t inputs = 0;            ///< d, width of an activation
  std::int64_t latents = 0;           ///< n
  double active_latents = kNotKnown;  ///< k, or the L0 that was aimed at
  std::string model;                  ///< "SmolLM2-135M-Instruct"
  std::string site;                   ///< "blocks.14.hook_resid_post"
  std::string text;                   ///< what the model read, in a few words
  std::int64_t training_rows = 0;     ///< distinct activations trained on
  std::int64_t dropped_rows = 0;      ///< left out of the store (first positions, massive activations)
  std::int64_t samples = 0;           ///< activations seen in training, repeats counted
  std::uint64_t seed = 0;
  std::string backend;                ///< "onednn (oneDNN 2.6.3)"
  std::string precision;              ///< "f32"
  std::string version;                ///< of polysem
  std::vector<std::string> commands;  ///< command lines that make this again, in order
};

/// One line of the training log.
struct TrainingPoint {
  double samples = 0.0;  ///< activations seen so far
  double loss = kNotKnown, fvu = kNotKnown, dead_fraction = kNotKnown, learning_rate = kNotKnown;
};

/// Equal bins over [low, high].
struct ReportHistogram {
  double low = 0.0, high = 0.0;
  std::vector<std::uint64_t> counts;
};

/// How many latents fire how often: bins over log10 of the share of rows.
struct DensityHistogram {
  ReportHistogram log10_density;
  std::int64_t never_fired = 0;
};

/// A kind of document and its share of the rows.
struct ReportLabel {
  std::string name;
  double row_share = 0.0;
};

/// A piece of text in which the latent fires.
struct ReportContext {
  std::vector<std::string> tokens;  ///< bytes; an empty one stands for a position that the store left out
  std::vector<float> activations;   ///< [tokens]
  std::size_t peak = 0;             ///< index of the firing that this is about
  std::string document;
  std::int64_t label = -1;      ///< index into LatentReport::labels, -1 for none
  double quantile = kNotKnown;  ///< share of the latent's firings that are weaker than this one
};

/// Effect on the logit of one token.
struct TokenEffect {
  std::string token;
  float value = 0.0f;
};

struct LatentNeighbour {
  std::int64_t latent = 0;
  float cosine = 0.0f;  ///< of the decoder directions
};

/// Why a latent is on the page.
enum class LatentChoice : std::uint8_t {
  kInteresting,  ///< by the rule of choose_latents()
  kRandom,       ///< drawn evenly from the live ones, to show what is typical
  kRequested,    ///< the user named it
};

struct LatentEntry {
  std::int64_t latent = 0;
  LatentChoice choice = LatentChoice::kRequested;
  double interest = 0.0;               ///< LatentTraits::interest()
  double density = 0.0;                ///< share of the rows on which it fires
  double mean_activation = kNotKnown;  ///< over its firings
  double max_activation = kNotKnown;
  double decoder_norm = kNotKnown;
  double encoder_decoder_cosine = kNotKnown;
  ReportHistogram activations;          ///< of its firings, by strength
  std::vector<ReportContext> top;       ///< strongest first
  std::vector<ReportContext> samples;   ///< over the whole range of its firings, strongest first
  std::vector<TokenEffect> promoted;    ///< largest logit effect first
  std::vector<TokenEffect> suppressed;  ///< smallest first
  double logit_spread = kNotKnown;      ///< standard deviation of its logit effects over the vocabulary
  std::vector<LatentNeighbour> nearest;
  std::vector<double> label_shares;  ///< [labels] how its activation mass splits; empty when unknown
};

struct LatentReport {
  ReportProvenance provenance;
  std::string eval_json;  ///< an evaluation of interface.md section 5 ("polysem.eval/1"), or empty
  std::vector<TrainingPoint> curve;
  DensityHistogram density;
  std::int64_t rows = 0;  ///< activations that densities and contexts come from
  std::string rows_text;  ///< continues "counted on 1,000 tokens": for instance "of held-out documents"
  std::vector<ReportLabel> labels;
  std::vector<LatentEntry> latents;
};

/// Names for the numbers that a collector works with.
struct ReportNames {
  std::function<std::string(std::int32_t)> token = {};  ///< bytes of a token id
  std::span<const std::string> documents = {};          ///< by document index
  std::span<const std::int32_t> document_labels = {};   ///< by document index, -1 for none
};

/// The entry of one latent as far as the collector knows it. `rows` and `label_rows` are the collector's.
/// Samples that are also among the strongest are left out.
LatentEntry describe_latent(std::int64_t latent, const LatentRecord& record, std::int64_t rows,
                            const ReportNames& names);

/// Densities of all latents, in equal steps of log10 from the power of ten at or below the smallest to 1.
DensityHistogram density_histogram(std::span<const LatentRecord> records, std::int64_t rows,
                                   int bins_per_decade = 5);

/// Labels with their shares of the rows that have one.
std::vector<ReportLabel> report_labels(std::span<const std::string> names,
                                       std::span<const std::int64_t> label_rows);

}  // namespace polysem
