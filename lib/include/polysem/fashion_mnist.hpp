#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace polysem {

/// Pictures of one size with a class each.
struct LabelledImages {
  std::int64_t rows = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  ///< [rows, height, width]
  std::vector<std::uint8_t> labels;  ///< [rows]
  std::int64_t pixels_each() const { return height * width; }
};

/// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747): ten kinds of clothing, 28 x 28.
struct FashionMnist {
  LabelledImages train, test;
};

/// Where Debian's package dataset-fashion-mnist puts it.
std::filesystem::path fashion_mnist_folder();

/// Reads the four gzipped IDX files of a folder (format: http://yann.lecun.com/exdb/mnist). Throws
/// Error{kBadInput} with the file and what was expected; where the folder is missing it says how to install
/// the package.
FashionMnist load_fashion_mnist(const std::filesystem::path& folder = fashion_mnist_folder());

/// One pair of files; labels must be below `classes`.
LabelledImages load_idx_images(const std::filesystem::path& images, const std::filesystem::path& labels,
                               std::int64_t classes);

}  // namespace polysem
