#include "lib/io/zip.hpp"
#include "polysem/npy.hpp"

namespace polysem {

struct NpzFile::Archive {
  MappedFile file;
  io::ZipArchive zip;
  explicit Archive(const std::filesystem::path& path) : file(path), zip(file.bytes(), path.string()) {}
};

NpzFile::NpzFile(const std::filesystem::path& path) : archive_(std::make_shared<const Archive>(path)) {}
NpzFile::NpzFile(NpzFile&&) noexcept = default;
NpzFile::~NpzFile() = default;

std::vector<std::string> NpzFile::names() const {
  std::vector<std::string> names;
  for (const auto& name : archive_->zip.names())
    if (name.ends_with(".npy")) names.push_back(name.substr(0, name.size() - 4));
  return names;
}

bool NpzFile::contains(std::string_view name) const {
  return archive_->zip.contains(std::string(name) + ".npy");
}

NpyArray NpzFile::array(std::string_view name) const {
  const std::string label = archive_->file.path().string() + ": " + std::string(name);
  auto expanded = std::make_shared<std::vector<std::byte>>();
  const auto stored = archive_->zip.read(std::string(name) + ".npy", *expanded);
  if (!stored.empty()) return {stored, archive_, label};
  const std::span<const std::byte> bytes = *expanded;
  return {bytes, std::move(expanded), label};
}

}  // namespace polysem
