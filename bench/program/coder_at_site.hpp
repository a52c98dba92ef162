#pragma once

#include <vector>

#include "bench/program/arguments.hpp"
#include "bench/program/model_file.hpp"
#include "polysem/core_coder.hpp"
#include "polysem/language_model.hpp"

namespace polysem::program {

/// --model and --coder, and where the one meets the other.
class CoderAtSite {
 public:
  /// The site is that of --site, else the one the coder was trained at. Throws where it is not known, is not
  /// in the model, or is not as wide as what the coder reads.
  CoderAtSite(const Arguments& arguments, Executor& executor, Precision precision);

  const CoreModel& coder() const noexcept { return coder_; }
  LanguageModel& model() noexcept { return model_; }
  const ModelFile& file() const noexcept { return file_; }
  const Site& site() const noexcept { return site_; }
  /// "the coder was trained on X; this is Y", or "".
  const std::string& note() const noexcept { return note_; }

 private:
  CoreModel coder_;
  ModelFile file_;
  LanguageModel model_;
  Site site_;
  std::string note_;
};

}  // namespace polysem::program
