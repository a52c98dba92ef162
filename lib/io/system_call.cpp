#include "lib/io/system_call.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace polysem::io {

void throw_system_error(ErrorCode code, std::string_view what, const std::filesystem::path& path) {
  const int number = errno;
  throw Error(code, "cannot " + std::string(what) + " " + path.string() + ": " +
                        std::generic_category().message(number));
}

bool exists(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  return std::filesystem::status(path, ignored).type() != std::filesystem::file_type::not_found;
}

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    throw Error(ErrorCode::kFailed, "cannot make the folder " + path.string() + ": " + error.message());
}

void require_folder(const std::filesystem::path& path) {
  std::filesystem::path found = std::filesystem::absolute(path);
  while (!io::exists(found) && found.has_relative_path()) found = found.parent_path();
  std::error_code ignored;
  errno = ENOTDIR;
  if (!std::filesystem::is_directory(found, ignored) || ::access(found.c_str(), W_OK | X_OK) != 0)
    throw_system_error(ErrorCode::kFailed,
                       found == std::filesystem::absolute(path) ? "write into" : "make the folder", path);
}

Descriptor Descriptor::open_for_reading(const std::filesystem::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) throw_system_error(ErrorCode::kBadInput, "open", path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) throw_system_error(ErrorCode::kBadInput, "examine", path);
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    throw_system_error(ErrorCode::kBadInput, "read", path);
  }
  return file;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

std::size_t read_up_to(const Descriptor& file, std::span<std::byte> buffer,
                       const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = ::read(file.number(), buffer.data() + done, buffer.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error(ErrorCode::kBadInput, "read", path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace polysem::io
