// A coder's folder: cfg.json, and the header and data of sae_weights.safetensors.
#include "polysem/coder_file.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

void read_input(std::string_view bytes) {
  const auto& folder = scratch_folder();
  const auto parts = split(bytes, 3);
  put(folder / "cfg.json", parts[0]);
  put(folder / "sae_weights.safetensors", safetensors_of(parts[1], parts[2]));
  const CoderFile coder = read_coder_file(folder);
  const auto elements = [](std::int64_t a, std::int64_t b) { return static_cast<std::size_t>(a * b); };
  if (coder.w_enc.size() != elements(coder.d_in, coder.d_sae) ||
      coder.w_dec.size() != elements(coder.d_sae, coder.d_out) ||
      coder.b_enc.size() != elements(coder.d_sae, 1) || coder.b_dec.size() != elements(coder.d_out, 1))
    broken("weights have the sizes of cfg.json");
}

std::vector<std::string> seeds() {
  std::vector<std::string> list;
  for (const char* architecture : {"topk", "jumprelu"}) {
    CoderFile coder;
    coder.architecture = architecture;
    coder.d_in = coder.d_out = 2;
    coder.d_sae = 3;
    coder.k = 1;
    coder.w_enc = coder.w_dec = std::vector<float>(6, 0.5f);
    coder.b_enc = std::vector<float>(3, 0.0f);
    coder.b_dec = std::vector<float>(2, 0.0f);
    if (architecture != std::string_view("topk")) coder.threshold = std::vector<float>(3, 0.1f);
    coder.context_size = 8;
    const auto folder = scratch_folder() / architecture;
    write_coder_file(folder, coder);
    list.push_back(get(folder / "cfg.json").append(kSeparator) +
                   safetensors_parts(get(folder / "sae_weights.safetensors")));
  }
  return list;
}

}  // namespace polysem::fuzz
