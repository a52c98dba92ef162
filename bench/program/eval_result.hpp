#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "polysem/coder_folder.hpp"
#include "polysem/evaluate_coder.hpp"
#include "polysem/metrics_geometry.hpp"
#include "polysem/model_preservation.hpp"
#include "polysem/store.hpp"

namespace polysem::program {

struct EvalResult {
  CoderEvaluation evaluation;
  GeometryResult geometry;
  std::string polytope;  ///< that the decoder rows form; empty where there are too many to tell
  std::optional<PreservationResult> preservation;
};

/// Schema polysem.eval/1: numbers that could not be computed are null, with the reason in notes.
nlohmann::json to_json(const EvalResult& result);
/// The same for people.
std::string eval_table(const EvalResult& result);

nlohmann::json coder_json(const std::filesystem::path& folder, const LoadedCoder& coder);
nlohmann::json data_json(const std::string& path, const ActivationStore& store, std::int64_t rows);

}  // namespace polysem::program
