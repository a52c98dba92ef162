#include "bench/program/eval_result.hpp"

#include <cmath>

#include "bench/program/terminal.hpp"

namespace polysem::program {

namespace {

using nlohmann::json;

/// JSON has no NaN.
json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json histogram_json(const DensityBins& histogram) {
  json edges = json::array();
  for (int i = 0; i <= DensityBins::kBins; ++i) edges.push_back(DensityBins::edge(i));
  return {{"edges", edges}, {"counts", histogram.counts}};
}

json preservation_json(const PreservationResult& p) {
  return {{"model_performance_preservation",
           {{"ce_loss_without_sae", number(p.ce_loss_without_sae)},
            {"ce_loss_with_sae", number(p.ce_loss_with_sae)},
            {"ce_loss_with_ablation", number(p.ce_loss_with_ablation)},
            {"ce_loss_with_zero_ablation", number(p.ce_loss_with_zero_ablation)},
            {"ce_loss_score", number(p.ce_loss_score)},
            {"ce_loss_score_zero_ablation", number(p.ce_loss_score_zero)},
            {"tokens", p.tokens},
            {"untouched_rows", p.untouched_rows}}},
          {"model_behavior_preservation",
           {{"kl_div_with_sae", number(p.kl_div_with_sae)},
            {"kl_div_with_ablation", number(p.kl_div_with_ablation)},
            {"kl_div_score", number(p.kl_div_score)}}}};
}

std::string percent(double share) { return significant(100 * share, 3) + " %"; }

}  // namespace

json to_json(const EvalResult& result) {
  const ReconstructionResult& r = result.evaluation.reconstruction;
  const SparsityResult& s = result.evaluation.sparsity;
  const GeometryResult& g = result.geometry;
  json notes = json::object();
  json metrics = {{"reconstruction_quality",
                   {{"fvu", number(r.fvu)},
                    {"explained_variance", number(r.explained_variance)},
                    {"mse", number(r.mse)},
                    {"cossim", number(r.cossim)}}},
                  {"shrinkage",
                   {{"l2_norm_in", number(r.l2_norm_in)},
                    {"l2_norm_out", number(r.l2_norm_out)},
                    {"l2_ratio", number(r.l2_ratio)},
                    {"relative_reconstruction_bias", number(r.relative_reconstruction_bias)}}},
                  {"sparsity", {{"l0", number(s.l0)}, {"l1", number(s.l1)}}},
                  {"latents",
                   {{"dead_fraction", number(s.dead_fraction)},
                    {"alive", s.alive},
                    {"dead", s.dead},
                    {"rows", s.rows},
                    {"density_log10_histogram", histogram_json(s.histogram)},
                    {"above_1_percent", number(s.above_1_percent)},
                    {"above_10_percent", number(s.above_10_percent)}}},
                  {"geometry",
                   {{"mean_max_decoder_cosine", number(g.mean_max_decoder_cosine)},
                    {"mean_max_encoder_cosine", number(g.mean_max_encoder_cosine)},
                    {"encoder_decoder_cosine", number(g.encoder_decoder_cosine)},
                    {"decoder_coherence", number(g.decoder_coherence)},
                    {"mean_decoder_coherence", number(g.mean_decoder_coherence)},
                    {"welch_bound", number(g.welch_bound)},
                    {"mean_dimensionality", number(g.mean_dimensionality)},
                    {"min_dimensionality", number(g.min_dimensionality)},
                    {"max_dimensionality", number(g.max_dimensionality)},
                    {"capacity", number(g.capacity)},
                    {"dims_per_feature", number(g.dims_per_feature)},
                    {"frame_potential_ratio", number(g.frame_potential_ratio)},
                    {"polytope", result.polytope.empty() ? json() : json(result.polytope)}}},
                  {"model_performance_preservation", nullptr},
                  {"model_behavior_preservation", nullptr},
                  {"ground_truth", nullptr},
                  {"splitting", nullptr},
                  {"absorption", nullptr},
                  {"probing", nullptr}};
  for (const char* category : {"ground_truth", "splitting", "absorption", "probing"})
    notes[category] = "not measured by this version";
  if (result.polytope.empty()) notes["geometry"] = "polytope: named up to 256 latents";
  if (result.preservation) {
    metrics.update(preservation_json(*result.preservation));
  } else {
    for (const char* category : {"model_performance_preservation", "model_behavior_preservation"})
      notes[category] = "needs --model";
  }
  if (std::isnan(r.fvu)) notes["reconstruction_quality"] = "the rows do not vary, or there are none";
  return {{"schema", "polysem.eval/1"}, {"metrics", metrics}, {"notes", notes}};
}

std::string eval_table(const EvalResult& result) {
  const ReconstructionResult& r = result.evaluation.reconstruction;
  const SparsityResult& s = result.evaluation.sparsity;
  const GeometryResult& g = result.geometry;
  std::vector<std::vector<std::string>> rows = {
      {"metric", "value", "meaning"},
      {"rows", with_commas(r.rows), "activations that were measured"},
      {"fvu", significant(r.fvu), "fraction of variance unexplained; 0 is perfect, 1 is predicting the mean"},
      {"explained_variance", significant(r.explained_variance), "1 - fvu"},
      {"cossim", significant(r.cossim), "mean cosine of activation and reconstruction"},
      {"l2_ratio", significant(r.l2_ratio), "mean length of the reconstruction to that of the activation"},
      {"l0", significant(s.l0), "active latents a row"},
      {"dead", with_commas(s.dead), percent(s.dead_fraction) + " of latents never fired on these rows"},
      {"above 1 %", percent(s.above_1_percent), "latents that fire on more than 1 % of rows"},
      {"above 10 %", percent(s.above_10_percent), "latents that fire on more than 10 % of rows"},
      {"max decoder cosine", significant(g.mean_max_decoder_cosine),
       "mean over latents of the nearest other latent"},
      {"dimensionality", significant(g.mean_dimensionality),
       "mean part of a dimension that a decoder row has for itself"},
  };
  if (!result.polytope.empty()) rows.push_back({"polytope", result.polytope, "that the decoder rows form"});
  if (result.preservation) {
    const PreservationResult& p = *result.preservation;
    rows.push_back({"ce loss", significant(p.ce_loss_without_sae), "of the model, nats a token"});
    rows.push_back({"  with sae", significant(p.ce_loss_with_sae), "with the reconstruction in place"});
    rows.push_back({"  mean ablated", significant(p.ce_loss_with_ablation), "with the mean in place"});
    rows.push_back({"  zero ablated", significant(p.ce_loss_with_zero_ablation), "with zeros in place"});
    rows.push_back({"ce loss score", significant(p.ce_loss_score), "1 is no harm, 0 is as bad as the mean"});
    rows.push_back({"kl score", significant(p.kl_div_score), "the same for the next-token distribution"});
    rows.push_back({"tokens", with_commas(p.tokens), "predictions that were scored"});
  }
  return table(rows);
}

json coder_json(const std::filesystem::path& folder, const LoadedCoder& coder) {
  return {{"path", folder.string()},
          {"recipe", coder.config.recipe},
          {"d_in", coder.config.d_in},
          {"d_out", coder.config.d_out},
          {"latents", coder.config.latents},
          {"k", coder.config.k > 0 ? json(coder.config.k) : json()},
          {"model", coder.provenance.model_name},
          {"site", coder.provenance.hook_name}};
}

json data_json(const std::string& path, const ActivationStore& store, std::int64_t rows) {
  return {{"path", path},
          {"identity", store.identity()},
          {"rows", rows},
          {"site", store.info().site},
          {"model", store.info().model_name},
          {"text", store.info().text_sources},
          {"dropped_first", store.info().dropped_first},
          {"dropped_massive", store.info().dropped_massive},
          {"massive_limit", store.info().massive_limit}};
}

}  // namespace polysem::program
