#include "bench/program/matrix_source.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "polysem/error.hpp"
#include "polysem/file.hpp"
#include "polysem/npy.hpp"
#include "polysem/safetensors.hpp"
#include "polysem/store.hpp"

namespace polysem::program {

namespace {

/// A matrix that fits into memory.
class MatrixRows final : public RowSource {
 public:
  MatrixRows(std::vector<float> values, std::int64_t rows, std::int64_t dim)
      : values_(std::move(values)), rows_(rows), dim_(dim) {}
  std::int64_t rows() const override { return rows_; }
  std::int64_t dim() const override { return dim_; }
  std::uint64_t bytes() const override { return values_.size() * sizeof(float); }
  std::string identity() const override { return sha256_hex(std::as_bytes(std::span(values_))); }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    for (std::size_t i = 0; i < ids.size(); ++i)
      std::copy_n(values_.begin() + ids[i] * dim_, dim_, out.begin() + static_cast<std::ptrdiff_t>(i) * dim_);
  }

 private:
  std::vector<float> values_;
  std::int64_t rows_, dim_;
};

std::unique_ptr<RowSource> matrix(const std::string& path, std::vector<float> values,
                                  const std::vector<std::int64_t>& shape) {
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1)
    throw Error(ErrorCode::kBadInput, path + ": expected a matrix [rows, dim], found " +
                                          std::to_string(shape.size()) + " dimensions" +
                                          (shape.size() == 2 ? ", one of them 0" : ""));
  return std::make_unique<MatrixRows>(std::move(values), shape[0], shape[1]);
}

std::string only_name(const std::string& path, const std::vector<std::string>& names) {
  if (names.size() == 1) return names[0];
  if (std::find(names.begin(), names.end(), "x") != names.end()) return "x";
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::kBadInput,
              path + ": expected one array, or one named x; found " + (all.empty() ? "none" : all));
}

}  // namespace

std::unique_ptr<RowSource> open_rows(const std::string& path) {
  if (std::filesystem::is_directory(path)) return std::make_unique<ActivationStore>(path);
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".npy") {
    const NpyArray array = NpyArray::open(path);
    return matrix(path, array.to_f32(), array.shape());
  }
  if (extension == ".npz") {
    const NpzFile file(path);
    const NpyArray array = file.array(only_name(path, file.names()));
    return matrix(path, array.to_f32(), array.shape());
  }
  if (extension == ".safetensors") {
    const Safetensors file(path);
    const std::string name = only_name(path, file.names());
    return matrix(path, file.read_f32(name), file.tensor(name).shape);
  }
  throw Error(ErrorCode::kBadInput, path +
                                        ": expected a store's folder or a .npy, .npz or .safetensors file" +
                                        (std::filesystem::exists(path) ? "" : "; it does not exist"));
}

}  // namespace polysem::program
