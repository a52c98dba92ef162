#include "bench/program/model_file.hpp"

#include "bench/program/arguments.hpp"
#include "polysem/cache.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem::program {

namespace {

constexpr const char* kSmolLm2 = "SmolLM2-135M-Instruct.Q4_1.gguf";

std::filesystem::path find_model(const std::string& model) {
  if (model != "smollm2") {
    if (!std::filesystem::exists(model) && !nearest(model, {"smollm2"}).empty())
      throw Error(ErrorCode::kBadInput,
                  "--model " + model + ": there is no such file; did you mean smollm2?");
    return model;
  }
  const auto path = cache_folder() / kSmolLm2;
  if (!std::filesystem::exists(path))
    throw Error(ErrorCode::kBadInput, path.string() +
                                          ": the model is not there; ./ci/setup fetches it, or give a "
                                          "GGUF file to --model");
  return path;
}

}  // namespace

ModelFile::ModelFile(const std::string& model) {
  const auto path = find_model(model);
  gguf_ = std::make_unique<GgufFile>(GgufFile::open(path));
  tokenizer_ = std::make_unique<Tokenizer>(*gguf_);
  name_ = path.stem().string();
  sha256_ = sha256_file(path);
}

}  // namespace polysem::program
