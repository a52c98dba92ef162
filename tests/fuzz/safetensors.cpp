// safetensors: the whole file, or its header and data as two parts.
#include "polysem/safetensors.hpp"

#include "polysem/error.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

namespace {

constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI8,  DType::kU8,
                            DType::kI16, DType::kI32, DType::kU32,  DType::kI64, DType::kBool};

void read_tensor(const Safetensors& file, const std::string& name) {
  try {
    if (file.read_f32(name).size() != static_cast<std::size_t>(file.tensor(name).elements()))
      broken("a tensor has as many values as elements");
  } catch (const Error&) {  // another type: the next getters
  }
  try {
    file.read_i64(name);
    file.read_i32(name);
  } catch (const Error&) {
  }
}

std::string sample() {
  const auto path = scratch_folder() / "seed.safetensors";
  std::vector<TensorSpec> specs;
  for (const DType type : kTypes) specs.push_back({std::string(name(type)), type, {2, 1}});
  specs.push_back({"empty", DType::kF32, {0, 3}});
  specs.push_back({"scalar", DType::kF32, {}});
  SafetensorsWriter writer(path, specs, {{"key", "value"}});
  for (const TensorSpec& spec : specs) {
    const std::size_t count = spec.name == "empty" ? 0 : spec.name == "scalar" ? 1 : 2;
    writer.write(spec.name, std::vector<std::byte>(count * size_of(spec.dtype), std::byte{1}));
  }
  writer.commit();
  return get(path);
}

}  // namespace

void read_input(std::string_view bytes) {
  static const auto path = scratch_folder() / "input.safetensors";
  const bool in_parts = bytes.starts_with('{');
  const auto parts = split(bytes, 2);
  put(path, in_parts ? safetensors_of(parts[0], parts[1]) : std::string(bytes));
  const Safetensors file(path);
  for (const std::string& name : file.names()) read_tensor(file, name);
}

std::vector<std::string> seeds() { return {sample(), safetensors_parts(sample())}; }

}  // namespace polysem::fuzz
