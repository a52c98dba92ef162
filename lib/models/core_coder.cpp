#include "polysem/core_coder.hpp"

#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

polysem_activation activation_of(const Recipe& recipe) {
  if (recipe.architecture == "topk") return POLYSEM_TOPK;
  if (recipe.architecture == "standard") return POLYSEM_RELU;
  if (recipe.architecture == "jumprelu")
    return recipe.name == "batch_topk" ? POLYSEM_BATCH_TOPK : POLYSEM_JUMPRELU;
  throw Error(ErrorCode::kUnsupported,
              "recipe '" + std::string(recipe.name) + "' has no counterpart in a .polysem file");
}

std::string recipe_of(polysem_activation activation) {
  switch (activation) {
    case POLYSEM_RELU:
      return "relu_l1";
    case POLYSEM_TOPK:
      return "topk";
    case POLYSEM_BATCH_TOPK:
      return "batch_topk";
    case POLYSEM_JUMPRELU:
      return "jumprelu";
    case POLYSEM_GATED:
      break;
  }
  return "";
}

CoderProvenance provenance_of(const std::string& source) {
  const auto space = source.rfind(' ');
  if (space == std::string::npos) return {source, "", "", 0};
  return {source.substr(0, space), source.substr(space + 1), "", 0};
}

}  // namespace

CoreCoder to_core(LoadedCoder coder) {
  const CoderConfig& config = coder.config;
  CoderWeights& weights = coder.weights;
  if (config.decoder == DecoderConstraint::kNormAware) fold_decoder_norms(weights);
  CoreCoder core;
  core.activation = activation_of(find_recipe(config.recipe));
  core.d_in = static_cast<std::uint32_t>(config.d_in);
  core.d_out = static_cast<std::uint32_t>(config.d_out);
  core.latents = core.source_latents = static_cast<std::uint32_t>(config.latents);
  core.k = core.activation == POLYSEM_TOPK ? static_cast<std::uint32_t>(config.k) : 0;
  core.subtracts_b_dec = config.apply_b_dec_to_input;
  core.w_enc = std::move(weights.w_enc);
  core.w_dec = std::move(weights.w_dec);
  core.b_enc = std::move(weights.b_enc);
  core.b_dec = std::move(weights.b_dec);
  if (core.activation == POLYSEM_BATCH_TOPK || core.activation == POLYSEM_JUMPRELU)
    core.threshold = std::move(weights.threshold);
  const CoderProvenance& from = coder.provenance;
  core.source = from.model_name;
  if (!from.hook_name.empty()) core.source += (core.source.empty() ? "" : " ") + from.hook_name;
  return core;
}

LoadedCoder from_core(CoreCoder core, const std::string& origin) {
  const char* extra = core.activation == POLYSEM_GATED ? "is Gated"
                      : !core.skip.empty()             ? "has a skip connection"
                      : core.input_scale != 1.0f || core.output_scale != 1.0f
                          ? "has scales that are not folded"
                          : nullptr;
  if (extra != nullptr)
    throw Error(ErrorCode::kBadInput,
                origin + ": the coder " + extra + ", which only polysem::core and polysem monitor can run");
  LoadedCoder coder;
  coder.config.recipe = recipe_of(core.activation);
  coder.config.d_in = core.d_in;
  coder.config.d_out = core.d_out;
  coder.config.latents = core.latents;
  coder.config.k = core.k;
  coder.config.apply_b_dec_to_input = core.subtracts_b_dec;
  coder.weights = {std::move(core.w_enc), std::move(core.w_dec), std::move(core.b_enc), std::move(core.b_dec),
                   std::move(core.threshold)};
  coder.provenance = provenance_of(core.source);
  return coder;
}

bool is_core_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

void expect_coder(const std::filesystem::path& path) {
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error))
    throw Error(ErrorCode::kBadInput,
                "'" + path.string() + "': expected a coder's folder or a .polysem file; it does not exist");
  if (!std::filesystem::is_directory(path, error))
    throw Error(ErrorCode::kBadInput, path.string() +
                                          ": expected a coder's folder or a .polysem file; it is neither a "
                                          "folder nor a regular file");
}

CoreCoder load_core_coder(const std::filesystem::path& path) {
  return is_core_file(path) ? CoreModel(path).coder() : to_core(load_coder(path));
}

CoreModel open_core_model(const std::filesystem::path& path) {
  if (is_core_file(path)) return CoreModel(path);
  return {core_file_bytes(to_core(load_coder(path)), POLYSEM_F32), path.string()};
}

}  // namespace polysem
