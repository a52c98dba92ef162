#include "bench/program/tensorboard_log.hpp"

#include <map>
#include <vector>

namespace polysem::program {

namespace {

// Keys of metrics.jsonl and the tags of SAELens's training log (sae_lens/training/sae_trainer.py).
const std::map<std::string, std::string, std::less<>> kTags = {
    {"samples", "details/n_training_samples"},
    {"lr", "details/current_learning_rate"},
    {"samples_per_second", "details/samples_per_second"},
    {"loss", "losses/mse_loss"},
    {"aux_loss", "losses/auxiliary_reconstruction_loss"},
    {"dead_fraction", "sparsity/dead_fraction"},
};

std::string tag_of(const std::string& key) {
  if (const auto known = kTags.find(key); known != kTags.end()) return known->second;
  return key.starts_with("eval_") ? "eval/" + key.substr(5) : "metrics/" + key;
}

}  // namespace

void TensorBoardLog::append(const nlohmann::json& line) {
  std::vector<io::Scalar> scalars;
  for (const auto& [key, value] : line.items())
    if (key != "step" && value.is_number()) scalars.push_back({tag_of(key), value.get<double>()});
  if (line.contains("fvu") && line["fvu"].is_number())
    scalars.push_back({"metrics/explained_variance", 1 - line["fvu"].get<double>()});
  file_.write(line["step"].get<std::int64_t>(), scalars);
}

}  // namespace polysem::program
