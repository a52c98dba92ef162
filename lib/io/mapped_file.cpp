#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "lib/io/system_call.hpp"
#include "polysem/file.hpp"

namespace polysem {

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const auto file = io::Descriptor::open_for_reading(path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) io::throw_system_error(ErrorCode::kBadInput, "examine", path);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorCode::kBadInput, "cannot map " + path.string() + ": it is not a regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.number(), 0);
  if (address == MAP_FAILED) {
    size_ = 0;
    io::throw_system_error(ErrorCode::kBadInput, "map", path);
  }
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): munmap's signature
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  const auto file = io::Descriptor::open_for_reading(path);
  std::string text;
  for (;;) {
    const std::size_t before = text.size();
    text.resize(before + kPiece);
    const auto got = io::read_up_to(file, std::as_writable_bytes(std::span(text).subspan(before)), path);
    text.resize(before + got);
    if (text.size() > limit)
      throw Error(ErrorCode::kBadInput,
                  path.string() + " is larger than the " + std::to_string(limit) + " bytes expected at most");
    if (got < kPiece) return text;
  }
}

}  // namespace polysem
