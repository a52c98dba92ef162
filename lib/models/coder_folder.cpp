#include "polysem/coder_folder.hpp"

#include <set>

#include "polysem/coder_file.hpp"
#include "polysem/core_coder.hpp"
#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

std::vector<float> transposed(const std::vector<float>& matrix, std::int64_t rows, std::int64_t cols) {
  std::vector<float> out(matrix.size());
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < cols; ++c)
      out[static_cast<std::size_t>(c * rows + r)] = matrix[static_cast<std::size_t>(r * cols + c)];
  return out;
}

/// The recipe that the file names, else the one whose result has this architecture by its own name, else the
/// first that has it.
const Recipe& recipe_of(const std::filesystem::path& folder, const CoderFile& file) {
  const Recipe* found = nullptr;
  std::set<std::string_view> known;
  for (const Recipe* recipe : recipes()) {
    known.insert(recipe->architecture);
    if (recipe->architecture != file.architecture) continue;
    if (recipe->name == file.recipe) return *recipe;
    if (found == nullptr || recipe->name == file.architecture) found = recipe;
  }
  if (found != nullptr) return *found;
  std::string list;
  for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
  throw Error(ErrorCode::kBadInput, folder.string() + ": architecture '" + file.architecture +
                                        "' is not supported; this version reads " + list);
}

}  // namespace

void save_coder(const std::filesystem::path& folder, const CoderConfig& config, CoderWeights weights,
                const CoderProvenance& provenance) {
  const std::string architecture(find_recipe(config.recipe).architecture);
  auto w_enc = transposed(weights.w_enc, config.latents, config.d_in);
  weights.w_enc = {};
  write_coder_file(folder, {.architecture = architecture,
                            .recipe = config.recipe,
                            .d_in = config.d_in,
                            .d_out = config.d_out,
                            .d_sae = config.latents,
                            .k = architecture == "topk" ? config.k : 0,
                            .apply_b_dec_to_input = config.apply_b_dec_to_input,
                            .rescale_acts_by_decoder_norm = config.decoder == DecoderConstraint::kNormAware,
                            .model_name = provenance.model_name,
                            .hook_name = provenance.hook_name,
                            .dataset_path = provenance.dataset,
                            .context_size = provenance.context_size,
                            .w_enc = std::move(w_enc),
                            .w_dec = std::move(weights.w_dec),
                            .b_enc = std::move(weights.b_enc),
                            .b_dec = std::move(weights.b_dec),
                            .threshold = std::move(weights.threshold)});
}

LoadedCoder load_coder(const std::filesystem::path& folder) {
  if (is_core_file(folder)) return from_core(CoreModel(folder).coder(), folder.string());
  expect_coder(folder);
  CoderFile file = read_coder_file(folder);
  LoadedCoder coder;
  CoderConfig& config = coder.config;
  config.recipe = recipe_of(folder, file).name;
  config.d_in = file.d_in;
  config.d_out = file.d_out;
  config.latents = file.d_sae;
  config.k = file.k;
  config.apply_b_dec_to_input = file.apply_b_dec_to_input;
  config.decoder =
      file.rescale_acts_by_decoder_norm ? DecoderConstraint::kNormAware : DecoderConstraint::kUnitNorm;
  coder.weights = {transposed(file.w_enc, file.d_in, file.d_sae),
                   std::move(file.w_dec),
                   std::move(file.b_enc),
                   std::move(file.b_dec),
                   {}};
  if (file.architecture == "jumprelu") {
    if (file.threshold.empty())
      throw Error(ErrorCode::kBadInput, (folder / "sae_weights.safetensors").string() +
                                            ": tensor 'threshold' is missing, which jumprelu needs");
    coder.weights.threshold = std::move(file.threshold);
  }
  coder.provenance = {file.model_name, file.hook_name, file.dataset_path, file.context_size};
  try {
    validate(config);
  } catch (const Error& error) {
    throw Error(ErrorCode::kBadInput, (folder / "cfg.json").string() + ": " + error.what());
  }
  return coder;
}

}  // namespace polysem
