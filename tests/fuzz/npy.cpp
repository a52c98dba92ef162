// .npy: the header's Python literal and the array behind it.
#include "polysem/npy.hpp"

#include "polysem/error.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

void read_input(std::string_view bytes) {
  const NpyArray array(std::as_bytes(std::span(bytes)), nullptr, "input");
  if (array.to_f32().size() != static_cast<std::size_t>(array.elements()))
    broken("an array has as many values as elements");
  if (array.shape().size() == 2 && array.rows() > 0) {
    std::vector<float> row(static_cast<std::size_t>(array.cols()));
    array.read_rows(array.rows() - 1, 1, row);
  }
  array.to_i64();
}

std::vector<std::string> seeds() {
  const auto path = scratch_folder() / "seed.npy";
  std::vector<std::string> list;
  for (const DType type : {DType::kF32, DType::kF16, DType::kF64, DType::kU8, DType::kI64, DType::kBool}) {
    const std::int64_t shape[] = {2, 3};
    NpyWriter writer(path, type, shape);
    writer.write(std::vector<std::byte>(6 * size_of(type), std::byte{1}));
    writer.commit();
    list.push_back(get(path));
  }
  // The same array in Fortran order, version 2 of the format, a scalar.
  std::string fortran = list.front();
  fortran.replace(fortran.find("False"), 5, "True ");
  std::string second = list.front();
  second[6] = '\2';
  second.insert(10, 2, '\0');
  std::string scalar = list.front().substr(0, list.front().size() - 20);
  scalar.replace(scalar.find("(2, 3,)") == scalar.npos ? scalar.find("(2, 3)") : scalar.find("(2, 3,)"), 6,
                 "()    ");
  list.insert(list.end(), {fortran, second, scalar});
  return list;
}

}  // namespace polysem::fuzz
