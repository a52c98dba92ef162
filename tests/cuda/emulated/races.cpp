// Finds races between the threads of a kernel whose accesses to memory are noted: its source is compiled with
// -fsanitize=thread, whose hooks are these functions in place of the sanitizer's own. What orders two
// accesses is the model of a card: within a block its barriers, between blocks nothing but the end of the
// launch. Exchanges within a warp order no memory. A race aborts.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "tests/cuda/emulated/running.hpp"

extern char __data_start, _end;  // of the program's static memory, where __shared__ variables are

namespace emulated {

namespace {

bool is_shared(const void* address) { return address >= &__data_start && address < &_end; }

constexpr unsigned kMany = 0xffffffffu;

struct Access {
  unsigned block = 0, thread = 0, epoch = 0;
  bool atomic = false, there = false;
};

/// The last accesses to two bytes in this launch.
struct Cell {
  Access read, write;
};

struct Shadow {
  std::uint64_t launch = 0;
  std::unordered_map<std::uintptr_t, Cell> cells;
};

bool unordered(const Access& a, const Access& b) {
  if (!a.there || (a.atomic && b.atomic)) return false;
  return a.block != b.block || (a.thread != b.thread && a.epoch == b.epoch);
}

[[noreturn]] void race(const Access& a, const Access& b, const char* what) {
  std::fprintf(stderr, "emulated kernel: %s, unordered: block %u thread %u, block %u thread %u\n", what,
               a.block, a.thread, b.block, b.thread);
  std::abort();
}

// Several readers count as one that is none of the threads.
void join_readers(Access& last, const Access& now) {
  const Access before = last;
  last = now;
  if (!before.there) return;
  if (before.block != now.block) last.block = kMany;
  if (before.block == now.block && before.epoch == now.epoch && before.thread != now.thread)
    last.thread = kMany;
}

void note(const void* address, std::size_t size, bool writes, bool atomic) {
  static Shadow shadow;
  const Running& r = running();
  if (!r.inside || (address >= r.stack && address < r.stack_end)) return;
  if (shadow.launch != r.launch) shadow.cells.clear();
  shadow.launch = r.launch;
  const Access now{r.block, r.thread, r.epoch, atomic, true};
  const bool shared = is_shared(address);
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  for (std::uintptr_t i = first / 2; i <= (first + size - 1) / 2; ++i) {
    Cell& cell = shadow.cells[i];
    // Each block has shared memory of its own, though it is one here.
    if (shared && cell.read.block != now.block) cell.read.there = false;
    if (shared && cell.write.block != now.block) cell.write.there = false;
    if (unordered(cell.write, now)) race(cell.write, now, writes ? "two writes" : "a read after a write");
    if (writes && unordered(cell.read, now)) race(cell.read, now, "a write after a read");
    if (writes) {
      cell.write = now;
    } else {
      join_readers(cell.read, now);
    }
  }
}

}  // namespace

void note_atomic(const void* address, std::size_t size) { note(address, size, true, true); }

}  // namespace emulated

#define POLYSEM_NOTED(size)                                                              \
  void __tsan_read##size(void* at) { emulated::note(at, size, false, false); }           \
  void __tsan_write##size(void* at) { emulated::note(at, size, true, false); }           \
  void __tsan_unaligned_read##size(void* at) { emulated::note(at, size, false, false); } \
  void __tsan_unaligned_write##size(void* at) { emulated::note(at, size, true, false); }

extern "C" {
POLYSEM_NOTED(1)
POLYSEM_NOTED(2)
POLYSEM_NOTED(4)
POLYSEM_NOTED(8)
POLYSEM_NOTED(16)
void __tsan_read_range(void* at, std::size_t size) {
  if (size > 0) emulated::note(at, size, false, false);
}
void __tsan_write_range(void* at, std::size_t size) {
  if (size > 0) emulated::note(at, size, true, false);
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
// Of the host's own code, which counts its shared pointers so.
unsigned __tsan_atomic32_fetch_add(volatile void* at, unsigned value, int) {
  return __atomic_fetch_add(static_cast<volatile unsigned*>(at), value, __ATOMIC_SEQ_CST);
}
unsigned __tsan_atomic32_fetch_sub(volatile void* at, unsigned value, int) {
  return __atomic_fetch_sub(static_cast<volatile unsigned*>(at), value, __ATOMIC_SEQ_CST);
}
}
