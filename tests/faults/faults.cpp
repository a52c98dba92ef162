// A library for LD_PRELOAD that makes one call of a program fail, or kills the program there.
//
//   POLYSEM_FAULT=CALL:ACTION:NUMBER
//
// CALL is open (of a file to write), write, fsync, rename, change (any of these) or memory; ACTION is the
// number of an error (28 is ENOSPC), "short" (a write of half the bytes), or "kill" (SIGKILL, before the
// call); NUMBER counts the calls from 1, from the beginning of main() on. A "+" behind the NUMBER lets all
// later calls fail, too. When the call comes, the library says "[fault]" on standard error. Standard streams
// are left alone.
//
// Memory is refused to the program itself and to the C++ library that works for it. Other libraries get
// theirs: some of them (oneDNN 2.6, libgomp) crash without, which is nothing that a test of this program
// could find out about it.
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

// What the C library's own malloc and memalign are called beside their public names.
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);

namespace {

enum class Call { kNone, kOpen, kWrite, kFsync, kRename, kChange, kMemory };

struct Fault {
  Call call = Call::kNone;
  int error = 0;
  bool shorter = false, kill = false, later_too = false;
  long number = 0;
  std::atomic<long> calls = 0;
};

Call call_named(const char* name, std::size_t length) {
  constexpr struct {
    const char* name;
    Call call;
  } kCalls[] = {{"open", Call::kOpen},     {"write", Call::kWrite},   {"fsync", Call::kFsync},
                {"rename", Call::kRename}, {"change", Call::kChange}, {"memory", Call::kMemory}};
  for (const auto& row : kCalls)
    if (std::strlen(row.name) == length && std::strncmp(row.name, name, length) == 0) return row.call;
  return Call::kNone;
}

constinit Fault fault;

struct Range {
  std::uintptr_t begin, end;
};
constinit Range users[2] = {};  // code of the program and of the C++ library

int remember_user(dl_phdr_info* object, std::size_t, void* counter) {
  int& number = *static_cast<int*>(counter);
  const bool program = number++ == 0;
  if (!program && std::strstr(object->dlpi_name, "libstdc++") == nullptr) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    const std::uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    users[program ? 0 : 1] = {begin, begin + part.p_memsz};
  }
  return 0;
}

bool is_user(const void* caller) {
  const auto address = reinterpret_cast<std::uintptr_t>(caller);
  for (const Range& range : users)
    if (address >= range.begin && address < range.end) return true;
  return false;
}

void read_fault() {
  int objects = 0;
  dl_iterate_phdr(remember_user, &objects);
  const char* text = std::getenv("POLYSEM_FAULT");
  const char* action = text != nullptr ? std::strchr(text, ':') : nullptr;
  const char* number = action != nullptr ? std::strchr(action + 1, ':') : nullptr;
  if (number == nullptr) return;
  fault.shorter = std::strncmp(action + 1, "short", 5) == 0;
  fault.kill = std::strncmp(action + 1, "kill", 4) == 0;
  fault.error = static_cast<int>(std::strtol(action + 1, nullptr, 10));
  char* end = nullptr;
  fault.number = std::strtol(number + 1, &end, 10);
  fault.later_too = *end == '+';
  fault.call = call_named(text, static_cast<std::size_t>(action - text));
}

/// Whether this call is the one. Kills the process, where that was asked for.
bool strikes(Call call) {
  const bool meant = fault.call == call || (fault.call == Call::kChange && call != Call::kMemory);
  if (fault.call == Call::kNone || !meant) return false;
  const long count = ++fault.calls;
  if (count != fault.number && !(fault.later_too && count > fault.number)) return false;
  if (count == fault.number) {
    constexpr char kMessage[] = "[fault]\n";
    syscall(SYS_write, STDERR_FILENO, kMessage, sizeof kMessage - 1);
  }
  if (fault.kill) raise(SIGKILL);
  errno = fault.error;
  return true;
}

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

void* memory(std::size_t size, const void* caller) {
  return is_user(caller) && strikes(Call::kMemory) ? nullptr : __libc_malloc(size);
}

void* memory(std::size_t size, std::size_t alignment, const void* caller) {
  return is_user(caller) && strikes(Call::kMemory) ? nullptr : __libc_memalign(alignment, size);
}

void* or_throw(void* data) {
  if (data == nullptr) throw std::bad_alloc();
  return data;
}

}  // namespace

#define CALLER __builtin_return_address(0)
void* operator new(std::size_t size) { return or_throw(memory(size, CALLER)); }
void* operator new[](std::size_t size) { return or_throw(memory(size, CALLER)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return memory(size, CALLER); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return memory(size, CALLER); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return or_throw(memory(size, static_cast<std::size_t>(alignment), CALLER));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return or_throw(memory(size, static_cast<std::size_t>(alignment), CALLER));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return memory(size, static_cast<std::size_t>(alignment), CALLER);
}

extern "C" {

void* aligned_alloc(std::size_t alignment, std::size_t size) { return memory(size, alignment, CALLER); }

using Main = int (*)(int, char**, char**);
static Main program_main = nullptr;
static int armed_main(int argc, char** argv, char** environment) {
  read_fault();
  return program_main(argc, argv, environment);
}
int __libc_start_main(Main main, int argc, char** argv, void (*init)(), void (*fini)(), void (*end)(),
                      void* stack) {
  static const auto real = next<decltype(&__libc_start_main)>("__libc_start_main");
  program_main = main;
  return real(armed_main, argc, argv, init, fini, end, stack);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_ACCMODE) != O_RDONLY && strikes(Call::kOpen)) return -1;
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int file, const void* bytes, std::size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, std::size_t)>("write");
  if (file > STDERR_FILENO && strikes(Call::kWrite)) {
    if (!fault.shorter) return -1;
    size = (size + 1) / 2;
  }
  return real(file, bytes, size);
}

ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite");
  if (strikes(Call::kWrite)) {
    if (!fault.shorter) return -1;
    size = (size + 1) / 2;
  }
  return real(file, bytes, size, offset);
}

int fsync(int file) {
  static const auto real = next<int (*)(int)>("fsync");
  return strikes(Call::kFsync) ? -1 : real(file);
}

int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return strikes(Call::kRename) ? -1 : real(from, to);
}

}  // extern "C"
