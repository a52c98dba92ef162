// usage: write_model MODEL.polysem ACTIVATIONS. A small model with names, and vectors for it.
#include <fstream>

#include "tests/core/test_model.hpp"

int main(int argc, char** argv) {
  using namespace polysem::core::testing;
  if (argc != 3) return 2;
  Shape shape;
  shape.activation = POLYSEM_JUMPRELU, shape.encoder = shape.decoder = POLYSEM_INT8;
  shape.ids = shape.text = true;
  const Aligned file = make_model(shape).file();
  const std::vector<float> x = Numbers(3).vector(100 * shape.d_in);
  std::ofstream(argv[1], std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  std::ofstream(argv[2], std::ios::binary)
      .write(reinterpret_cast<const char*>(x.data()), static_cast<std::streamsize>(x.size() * sizeof(float)));
  return 0;
}
