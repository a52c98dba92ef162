#include "backends/vulkan/latent_list.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  LatentList::Push main, aux;
  std::uint32_t latents, out_first, accumulate;
};

}  // namespace

void record_bias_grad(const Scope& s, std::int64_t latents, const LatentList& main, const LatentList& aux,
                      const Tensor& out, bool accumulate) {
  static const std::size_t shader = shader_index("latent_bias_grad");
  const View result = s.view(out), nothing;
  const Push push{main.push, aux.push, u32(latents), result.first, accumulate ? 1u : 0u};
  s.recording.dispatch(
      shader, {bool(aux.begin)},
      {{reads(main.begin), reads(main.entries), reads(main.rows), reads(main.weights), reads(nothing),
        reads(aux.begin), reads(aux.entries), reads(aux.rows), reads(aux.weights), reads(nothing),
        reads(accumulate ? result : nothing), writes(result)}},
      push, s.elements_grid(latents));
}

}  // namespace polysem::vulkan
