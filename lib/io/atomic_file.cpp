#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "lib/io/system_call.hpp"
#include "polysem/file.hpp"

namespace polysem {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(std::string_view what, const fs::path& path) {
  io::throw_system_error(ErrorCode::kFailed, what, path);
}

/// Devices and pipes cannot be renamed over, and a file behind /dev or /proc is somebody's open descriptor.
/// Not so in /dev/shm, which is a folder in memory.
bool written_directly(const fs::path& path) {
  const std::string text = fs::absolute(path).lexically_normal().string();
  const bool in_dev = text.starts_with("/dev/") && !text.starts_with("/dev/shm/");
  if (in_dev || text.starts_with("/proc/")) return true;
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

/// Where a symbolic link leads, so that the link survives the renaming.
fs::path resolve(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(fs::symlink_status(path, error))) return path;
  const auto target = fs::weakly_canonical(path, error);
  return error ? path : target;
}

std::string temporary_start(const fs::path& target) { return "." + target.filename().string() + "."; }

fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  return target.parent_path() /
         (temporary_start(target) + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp");
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

/// Whether a name is one that temporary_name() gave for this target: ".NAME.PID-NUMBER.tmp".
bool is_temporary(std::string_view name, const std::string& start) {
  constexpr std::string_view kEnd = ".tmp";
  if (!name.starts_with(start) || !name.ends_with(kEnd) || name.size() <= start.size() + kEnd.size())
    return false;
  const auto middle = name.substr(start.size(), name.size() - start.size() - kEnd.size());
  return middle.find_first_not_of("0123456789-") == std::string_view::npos;
}

/// Removes what killed processes left of this target. A living writer holds a lock on its temporary.
void remove_leftovers(const fs::path& target) {
  const std::string start = temporary_start(target);
  // Not std::filesystem's iterator, which ends the program where memory is out.
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_of(target).c_str()), ::closedir);
  if (!folder) return;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (!is_temporary(entry->d_name, start)) continue;
    const fs::path path = target.parent_path() / entry->d_name;
    const io::Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.number() >= 0 && ::flock(file.number(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  }
}

/// Opens a new temporary for the target and locks it; sets `path`. -1 and errno where that fails.
int open_temporary(const fs::path& target, fs::path& path) {
  for (;;) {
    path = temporary_name(target);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) return file;
    struct stat status {};
    const bool locked = ::flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    if (locked && ::fstat(file, &status) == 0 && status.st_nlink > 0) return file;
    ::close(file);  // another process took it for a leftover before it was locked
  }
}

/// Makes the renaming itself durable. Some file systems cannot flush a directory; the file is safe there.
void flush_directory(const fs::path& file) {
  const fs::path folder = folder_of(file);
  const io::Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() < 0) return;
  if (::fsync(directory.number()) != 0 && errno != EINVAL && errno != EROFS) fail("flush the folder", folder);
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(path), target_(resolve(path)) {
  std::error_code ignored;
  if (!target_.has_filename() || fs::is_directory(target_, ignored)) {
    errno = EISDIR;
    fail("write", path_);
  }
  if (written_directly(path)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail("write", path_);
    return;
  }
  remove_leftovers(target_);
  fs::path temporary;
  descriptor_ = open_temporary(target_, temporary);
  if (descriptor_ < 0) fail("write", path_);
  temporary_ = std::move(temporary);
  struct stat old {};  // a file that is replaced keeps its permissions
  if (::stat(target_.c_str(), &old) == 0) static_cast<void>(::fchmod(descriptor_, old.st_mode & 07777));
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      size_(other.size_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (temporary_.empty()) {  // a pipe knows no offsets
    while (!bytes.empty()) {
      const ssize_t done = ::write(descriptor_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(done));
      size_ += static_cast<std::uint64_t>(done);
    }
    return;
  }
  write_at(size_, bytes);
  size_ += bytes.size();
}

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("write", path_);
    offset += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

void AtomicFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("close", path_);
    return;
  }
  if (::fsync(descriptor_) != 0) fail("flush", path_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("write", path_);
  temporary_.clear();
  ::close(std::exchange(descriptor_, -1));  // only now: its lock says that the temporary is in use
  flush_directory(target_);
}

void require_writable(const fs::path& path) {
  if (path.empty()) throw Error(ErrorCode::kInvalidArgument, "the name of a file to write is empty");
  if (written_directly(path)) {  // opening a pipe would wait for its reader
    if (::access(path.c_str(), W_OK) != 0) fail("write", path);
    return;
  }
  const AtomicFile probe(path);
}

void write_file_atomic(const fs::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomic(const fs::path& path, std::string_view text) {
  write_file_atomic(path, std::as_bytes(std::span(text)));
}

}  // namespace polysem
