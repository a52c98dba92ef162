#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "polysem/gguf.hpp"
#include "polysem/tokenizer.hpp"

namespace polysem::program {

/// The language model that --model names.
class ModelFile {
 public:
  /// A path, or "smollm2" for the file that ci/setup leaves in the cache.
  explicit ModelFile(const std::string& model);
  const GgufFile& gguf() const noexcept { return *gguf_; }
  const Tokenizer& tokenizer() const noexcept { return *tokenizer_; }
  const std::string& name() const noexcept { return name_; }
  const std::string& sha256() const noexcept { return sha256_; }

 private:
  std::unique_ptr<GgufFile> gguf_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::string name_, sha256_;
};

}  // namespace polysem::program
