#pragma once

#include "polysem/coder_folder.hpp"
#include "polysem/random.hpp"
#include "tests/program/program_fixture.hpp"
#include "tests/support/tiny_llama.hpp"

namespace polysem {

/// tiny.gguf, a model of single characters, with a coder of 64 latents for its site blocks.0.hook_resid_post
/// and text.txt. Latent 0 is active at every token, latent 1 at none.
class ModelAndCoder : public Program {
 protected:
  void SetUp() override {
    const auto bytes = test::TinyLlama{.tokenizer = true}.file();
    write("tiny.gguf", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    save("coder", 32, "blocks.0.hook_resid_post");
    write("text.txt", "once upon a time a cat sat on a mat and then ran to the end of the garden\n");
  }

  void save(const std::string& folder, std::int64_t width, const std::string& site) const {
    const CoderConfig config{.recipe = "relu_l1", .d_in = width, .d_out = width, .latents = 64, .k = 0};
    const Random random(4, RandomStream::kInitialisation);
    CoderWeights weights;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(64 * width); ++i) {
      weights.w_enc.push_back(0.3f * random.normal(i));
      weights.w_dec.push_back(0.2f * random.normal(i + 100000));
    }
    weights.b_enc.assign(64, -1.0f);
    weights.b_enc[0] = 100.0f, weights.b_enc[1] = -100.0f;
    weights.b_dec.assign(static_cast<std::size_t>(width), 0.0f);
    save_coder(folder_ / folder, config, weights, {"tiny", site, "text", 48});
  }

  void write(const std::string& file, const std::string& bytes) const {
    std::ofstream(folder_ / file, std::ios::binary) << bytes;
  }
};

}  // namespace polysem
