// Hooks the evaluation callback of a host such as llama.cpp: a latent is watched and held down while text
// streams. The host here is a stub with llama.cpp's interface: it asks for each tensor whether somebody wants
// to see it, and calls again with its data.
#include <cstdio>
#include <cstring>
#include <polysem/core.hpp>
#include <vector>

// ---- the stub host ----
struct Tensor {
  const char* name;
  std::vector<float> data;  // [tokens, width]
  std::size_t tokens;
};
using EvalCallback = bool (*)(Tensor* tensor, bool ask, void* user_data);

void run_host(std::size_t width, std::size_t steps, EvalCallback callback, void* user_data) {
  for (std::size_t step = 0; step < steps; ++step)
    for (const char* name : {"l_out-13", "l_out-14"}) {
      Tensor tensor{name, std::vector<float>(width), 1};
      for (std::size_t i = 0; i < width; ++i) tensor.data[i] = (i * 7 + step * 5) % 11 < 5 ? 1.0f : -0.5f;
      if (callback(&tensor, true, user_data) && !callback(&tensor, false, user_data)) return;
    }
}

// ---- the hook ----
struct Hook {
  polysem::core::State state;
  std::vector<polysem_edit> edits;
  std::size_t seen = 0, hits = 0;
};

bool on_tensor(Tensor* tensor, bool ask, void* user_data) {
  if (ask) return std::strcmp(tensor->name, "l_out-14") == 0;
  Hook& hook = *static_cast<Hook*>(user_data);
  const polysem::core::In x(tensor->data, tensor->tokens);
  std::vector<polysem_hit> room(4);
  std::size_t hits = 0;
  hook.state.observe(x, room, hits);
  hook.state.apply_edits(x, hook.edits, polysem::core::Out(tensor->data, tensor->tokens));
  hook.seen += tensor->tokens, hook.hits += hits;
  return true;  // the host goes on
}

struct alignas(POLYSEM_ALIGNMENT) Line {
  char bytes[POLYSEM_ALIGNMENT];
};

int main(int argc, char** argv) {
  std::FILE* file = argc == 2 ? std::fopen(argv[1], "rb") : nullptr;
  if (file == nullptr) return 1;
  std::vector<Line> bytes(1);
  std::size_t size = 0;
  for (std::size_t got;
       (got = std::fread(reinterpret_cast<char*>(bytes.data()) + size, 1, sizeof(Line), file)) > 0;) {
    size += got;
    bytes.resize(size / sizeof(Line) + 2);
  }
  std::fclose(file);

  polysem::core::Model model;
  Hook hook;
  const polysem_watch watch = {0, 0.0f, 0.0f, 1.0f};
  polysem_config config = {};
  config.watches = &watch, config.watch_count = 1;
  std::size_t needed = 0;
  if (!model.open(bytes.data(), size) || !polysem::core::State::size(model, config, needed)) return 1;
  std::vector<Line> memory(needed / sizeof(Line));
  if (!hook.state.init(model, config, memory.data(), needed)) return 1;
  hook.edits = {{watch.latent, POLYSEM_CAP, 0.5f}};

  run_host(model.d_in(), 20, on_tensor, &hook);
  std::printf("%zu tokens seen, latent 0 fired %zu times\n", hook.seen, hook.hits);
  return hook.seen == 20 ? 0 : 1;
}
