#include "polysem/fashion_mnist.hpp"

#include <algorithm>
#include <string>

#include "lib/io/gzip.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(ErrorCode::kBadInput, file.string() + ": " + what);
}

/// The sizes of an IDX file of bytes: two zeros, 8 for bytes, the number of sizes, the sizes with the highest
/// byte first. Checks that the contents have them.
std::vector<std::int64_t> idx_sizes(const std::filesystem::path& file, const std::string& bytes,
                                    std::size_t count) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const std::size_t header = 4 + 4 * count;
  if (bytes.size() < header || byte(0) != 0 || byte(1) != 0 || byte(2) != 8 || byte(3) != count)
    refuse(file, "is not an IDX file of bytes with " + std::to_string(count) + " sizes");
  std::vector<std::int64_t> sizes;
  std::uint64_t total = 1;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t size = 0;
    for (std::size_t b = 0; b < 4; ++b) size = size << 8 | byte(4 + 4 * i + b);
    if (size == 0 || size > kMostBytes / total) refuse(file, "has impossible sizes");
    total *= size;
    sizes.push_back(static_cast<std::int64_t>(size));
  }
  if (bytes.size() - header != total)
    refuse(file, "holds " + std::to_string(bytes.size() - header) + " bytes, its header says " +
                     std::to_string(total));
  return sizes;
}

std::vector<std::uint8_t> contents(const std::string& bytes, std::size_t header) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end()};
}

}  // namespace

std::filesystem::path fashion_mnist_folder() { return "/usr/share/datasets/fashion-mnist"; }

LabelledImages load_idx_images(const std::filesystem::path& images, const std::filesystem::path& labels,
                               std::int64_t classes) {
  const std::string pixels = io::read_gzip(images, kMostBytes), classed = io::read_gzip(labels, kMostBytes);
  const auto sizes = idx_sizes(images, pixels, 3), count = idx_sizes(labels, classed, 1);
  if (sizes[0] != count[0])
    refuse(labels, "has " + std::to_string(count[0]) + " labels for " + std::to_string(sizes[0]) + " images");
  LabelledImages result{sizes[0], sizes[1], sizes[2], contents(pixels, 16), contents(classed, 8)};
  if (std::any_of(result.labels.begin(), result.labels.end(), [&](std::uint8_t l) { return l >= classes; }))
    refuse(labels, "has a label of " + std::to_string(classes) + " or more");
  return result;
}

FashionMnist load_fashion_mnist(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder / "train-images-idx3-ubyte.gz", error))
    throw Error(ErrorCode::kBadInput, folder.string() +
                                          ": Fashion-MNIST is not there; install it with 'apt-get install "
                                          "dataset-fashion-mnist'");
  const auto part = [&](const std::string& name) {
    return load_idx_images(folder / (name + "-images-idx3-ubyte.gz"),
                           folder / (name + "-labels-idx1-ubyte.gz"), 10);
  };
  return {part("train"), part("t10k")};
}

}  // namespace polysem
