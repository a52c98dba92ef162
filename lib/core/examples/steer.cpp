// Shows what a vector is made of, then turns its strongest latent off: steer MODEL.polysem
#include <array>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <iterator>
#include <new>
#include <polysem/core.hpp>
#include <vector>

namespace core = polysem::core;

// Memory that begins where models and states must.
struct alignas(POLYSEM_ALIGNMENT) Line {
  std::byte bytes[POLYSEM_ALIGNMENT];
};
std::vector<Line> lines(std::size_t bytes) { return std::vector<Line>(bytes / sizeof(Line) + 1); }

int main(int argc, char** argv) {
  std::ifstream file(argc == 2 ? argv[1] : "", std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::streamsize>(file.tellg());
  if (size <= 0) return 1;
  auto bytes = lines(static_cast<std::size_t>(size));
  file.seekg(0).read(reinterpret_cast<char*>(bytes.data()), size);

  core::Model model;
  core::State state;
  std::size_t needed = 0;
  if (const core::Status status = model.open(bytes.data(), static_cast<std::size_t>(size)); !status) {
    std::cerr << "steer: " << status.text() << '\n';
    return 1;
  }
  if (!core::State::size(model, {}, needed)) return 1;
  auto memory = lines(needed);
  if (!state.init(model, {}, memory.data(), needed)) return 1;

  // Your model's activation goes here.
  std::vector<float> x(model.d_in());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 3 == 0 ? 1.0f : -0.25f;

  std::array<std::uint32_t, 8> latents;
  std::array<float, 8> values;
  std::uint32_t count = 0;
  polysem_codes codes = {latents.data(), values.data(), &count, 1, latents.size()};
  if (!state.encode_sparse(x, codes) || count == 0) return 1;
  std::uint32_t strongest = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::cout << "latent " << latents[i] << ' ' << model.name(latents[i]) << ": " << values[i] << '\n';
    if (values[i] > values[strongest]) strongest = i;
  }

  // In place: what the coder does not explain of x stays.
  const std::array<polysem_edit, 1> edits = {{{latents[strongest], POLYSEM_ABLATE, 0}}};
  const std::vector<float> before = x;
  if (!state.apply_edits(x, edits, x)) return 1;
  double change = 0;
  for (std::size_t i = 0; i < x.size(); ++i) change += double(x[i] - before[i]) * (x[i] - before[i]);
  std::cout << "without latent " << latents[strongest] << " x moves by " << change << " (squared)\n";
}
