// SAELens 6's format: https://github.com/decoderesearch/SAELens, sae_lens/saes/sae.py (save_model,
// load_from_disk).
#include "polysem/coder_file.hpp"

#include <algorithm>
#include <cmath>

#include "lib/io/byte_reader.hpp"
#include "lib/io/json.hpp"
#include "lib/io/system_call.hpp"
#include "polysem/error.hpp"
#include "polysem/safetensors.hpp"
#include "polysem/version.h"

namespace polysem {

namespace {

using io::Json;
using io::JsonView;

constexpr const char* kConfigFile = "cfg.json";
constexpr const char* kWeightsFile = "sae_weights.safetensors";
constexpr std::int64_t kMostDimensions = std::int64_t{1} << 31;

// A version whose cfg.json has the keys that are written here; below 6 SAELens takes a file for an older
// layout.
constexpr const char* kSaeLensVersion = "6.0.0";

std::string text_or_empty(const JsonView& object, std::string_view key) {
  const auto value = object.find(key);
  return value && value->json().is_string() ? value->string() : std::string();
}

bool flag_or(const JsonView& object, std::string_view key, bool otherwise) {
  const auto value = object.find(key);
  return value ? value->boolean() : otherwise;
}

void expect_none(const JsonView& root, std::string_view key, const std::string& file) {
  const auto value = root.find(key);
  if (!value || value->string() == "none") return;
  throw Error(ErrorCode::kBadInput, file + ": " + value->place() + ": '" + value->string() +
                                        "' is not folded into the weights; save the coder with SAELens's "
                                        "save_inference_model, which folds it");
}

CoderFile read_config(const std::filesystem::path& file) {
  const Json json = io::read_json(file);
  const JsonView root(json, file.string());
  CoderFile coder;
  coder.architecture = root.at("architecture").string();
  coder.d_in = root.at("d_in").integer(1, kMostDimensions);
  coder.d_sae = root.at("d_sae").integer(1, kMostDimensions);
  const auto d_out = root.find("d_out");
  coder.d_out = d_out ? d_out->integer(1, kMostDimensions) : coder.d_in;
  if (const auto k = root.find("k")) coder.k = k->integer(1, coder.d_sae);
  coder.apply_b_dec_to_input = flag_or(root, "apply_b_dec_to_input", true);
  coder.rescale_acts_by_decoder_norm = flag_or(root, "rescale_acts_by_decoder_norm", false);
  expect_none(root, "normalize_activations", file.string());
  expect_none(root, "reshape_activations", file.string());
  if (const auto metadata = root.find("metadata")) {
    coder.recipe = text_or_empty(*metadata, "polysem_recipe");
    coder.model_name = text_or_empty(*metadata, "model_name");
    coder.hook_name = text_or_empty(*metadata, "hook_name");
    coder.dataset_path = text_or_empty(*metadata, "dataset_path");
    const auto context = metadata->find("context_size");
    if (context && context->json().is_number_integer()) coder.context_size = context->integer(0);
  }
  return coder;
}

std::vector<float> read_finite(const Safetensors& file, const char* name,
                               const std::vector<std::int64_t>& shape) {
  auto values = file.read_f32(name, shape);
  const auto bad = std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  if (bad != values.end())
    io::bad_input(file.path().string(), name,
                  "element " + std::to_string(bad - values.begin()) + " is not finite");
  return values;
}

void write_tensor(SafetensorsWriter& writer, const char* name, const std::vector<float>& values) {
  writer.write(name, std::span<const float>(values));
}

}  // namespace

CoderFile read_coder_file(const std::filesystem::path& folder) {
  CoderFile coder = read_config(folder / kConfigFile);
  const Safetensors file(folder / kWeightsFile);
  const auto read = [&](const char* name, const std::vector<std::int64_t>& shape) {
    return read_finite(file, name, shape);
  };
  coder.w_enc = read("W_enc", {coder.d_in, coder.d_sae});
  coder.w_dec = read("W_dec", {coder.d_sae, coder.d_out});
  coder.b_dec = read("b_dec", {coder.d_out});
  coder.b_enc = file.contains("b_enc") ? read("b_enc", {coder.d_sae})
                                       : std::vector<float>(static_cast<std::size_t>(coder.d_sae), 0.0f);
  if (file.contains("threshold")) coder.threshold = read("threshold", {coder.d_sae});
  return coder;
}

void write_coder_file(const std::filesystem::path& folder, const CoderFile& coder) {
  Json config = {{"architecture", coder.architecture},
                 {"d_in", coder.d_in},
                 {"d_sae", coder.d_sae},
                 {"dtype", "float32"},
                 {"device", "cpu"},
                 {"apply_b_dec_to_input", coder.apply_b_dec_to_input},
                 {"normalize_activations", "none"},
                 {"reshape_activations", "none"},
                 {"metadata",
                  {{"sae_lens_version", kSaeLensVersion},
                   {"sae_lens_training_version", nullptr},
                   {"polysem_version", polysem_version()},
                   {"polysem_recipe", coder.recipe},
                   {"model_name", coder.model_name},
                   {"hook_name", coder.hook_name},
                   {"hook_head_index", nullptr},
                   {"dataset_path", coder.dataset_path},
                   {"context_size", coder.context_size > 0 ? Json(coder.context_size) : Json()},
                   {"prepend_bos", false}}}};
  if (coder.d_out != coder.d_in) config["d_out"] = coder.d_out;
  if (coder.k > 0) {
    config["k"] = coder.k;
    config["rescale_acts_by_decoder_norm"] = coder.rescale_acts_by_decoder_norm;
  }

  std::vector<TensorSpec> specs = {{"W_enc", DType::kF32, {coder.d_in, coder.d_sae}},
                                   {"W_dec", DType::kF32, {coder.d_sae, coder.d_out}},
                                   {"b_enc", DType::kF32, {coder.d_sae}},
                                   {"b_dec", DType::kF32, {coder.d_out}}};
  if (!coder.threshold.empty()) specs.push_back({"threshold", DType::kF32, {coder.d_sae}});
  io::make_folder(folder);
  SafetensorsWriter writer(folder / kWeightsFile, specs);
  write_tensor(writer, "W_enc", coder.w_enc);
  write_tensor(writer, "W_dec", coder.w_dec);
  write_tensor(writer, "b_enc", coder.b_enc);
  write_tensor(writer, "b_dec", coder.b_dec);
  if (!coder.threshold.empty()) write_tensor(writer, "threshold", coder.threshold);
  writer.commit();
  io::write_json(folder / kConfigFile, config);
}

}  // namespace polysem
