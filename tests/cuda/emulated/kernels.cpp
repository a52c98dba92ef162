// A block's threads as fibers on one thread of the host. A fiber runs until its thread waits for others or
// ends; a thread that left while others wait for it, or that waits where they do not, is an error of the
// kernel and aborts.
#include <ucontext.h>
#include <csetjmp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "tests/cuda/emulated/cuda_runtime.h"
#include "tests/cuda/emulated/faults.hpp"
#include "tests/cuda/emulated/running.hpp"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulated {

namespace {

constexpr unsigned kMostThreads = 1024;
// Not a power of two: the tops of all stacks would share a few lines of the caches.
constexpr std::size_t kStack = (std::size_t{32} << 10) + 320;

enum class Wait { kNothing, kWarp, kBlock, kEnd };

struct Fiber {
  std::vector<char> stack;
  bool begun = false;
  ucontext_t start{};
  jmp_buf place{};
  Wait wait = Wait::kEnd;
  unsigned exchanges = 0;
};

Fiber fibers[kMostThreads];
jmp_buf scheduler;
std::uint32_t words[kMostThreads], warp_words[2][kMostThreads];
const std::function<void()>* current_body = nullptr;
unsigned current = 0;
std::uint64_t launches = 0;
Running now;

[[noreturn]] void broken(const char* what) {
  std::fprintf(stderr, "emulated kernel: %s (block %u, thread %u)\n", what, blockIdx.x, current);
  std::abort();
}

// Runs the body for one block after another: the stack is made once.
void fiber_main() {
  for (;;) {
    (*current_body)();
    fibers[current].wait = Wait::kEnd;
    if (_setjmp(fibers[current].place) == 0) _longjmp(scheduler, 1);
  }
}

void resume(unsigned thread) {
  current = thread;
  threadIdx = {thread, 0, 0};
  Fiber& fiber = fibers[thread];
  fiber.wait = Wait::kNothing;
  if (_setjmp(scheduler) != 0) {
    now.inside = false;
    return;
  }
  if (fiber.stack.empty()) fiber.stack.resize(kStack);
  now = {true, launches, blockIdx.x, thread, now.epoch, fiber.stack.data(), fiber.stack.data() + kStack};
  if (fiber.begun) _longjmp(fiber.place, 1);
  fiber.begun = true;
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.data();
  fiber.start.uc_stack.ss_size = kStack;
  makecontext(&fiber.start, fiber_main, 0);
  setcontext(&fiber.start);
}

void wait(Wait what) {
  Fiber& fiber = fibers[current];
  fiber.wait = what;
  if (_setjmp(fiber.place) == 0) _longjmp(scheduler, 1);
}

// Whether all threads of [first, last) wait for the same; those of one warp or block must.
bool all_wait(unsigned first, unsigned last, Wait what) {
  for (unsigned t = first; t < last; ++t)
    if (fibers[t].wait != what) return false;
  return true;
}

// The threads that can go on: a whole warp that met, or the whole block.
void run_block() {
  const unsigned threads = blockDim.x;
  for (unsigned t = 0; t < threads; ++t) fibers[t].exchanges = 0;
  now.epoch = 0;
  std::vector<unsigned> ready;
  const auto add = [&](unsigned first, unsigned last) {
    for (unsigned t = first; t < last; ++t) ready.push_back(t);
  };
  add(0, threads);
  while (!ready.empty()) {
    if (launches % 2 == 1) std::reverse(ready.begin(), ready.end());
    for (const unsigned thread : ready) resume(thread);
    ready.clear();
    if (all_wait(0, threads, Wait::kEnd)) return;
    if (all_wait(0, threads, Wait::kBlock)) {
      ++now.epoch;
      add(0, threads);
      continue;
    }
    for (unsigned first = 0; first < threads; first += 32) {
      const unsigned last = std::min(first + 32, threads);
      if (all_wait(first, last, Wait::kWarp)) add(first, last);
    }
  }
  broken("threads wait for others that do not come");
}

}  // namespace

const Running& running() { return now; }

void meet_block() { wait(Wait::kBlock); }

// Two places for each thread, in turn: who writes the second has met all who read the first.
const std::uint32_t* exchange(std::uint32_t word) {
  const unsigned turn = ++fibers[threadIdx.x].exchanges % 2, thread = threadIdx.x;
  warp_words[turn][thread] = word;
  wait(Wait::kWarp);
  return &warp_words[turn][thread / 32 * 32];
}

unsigned count_in_block(bool value) {
  words[threadIdx.x] = value;
  meet_block();
  unsigned count = 0;
  for (unsigned t = 0; t < blockDim.x; ++t) count += words[t];
  meet_block();
  return count;
}

cudaError_t run_grid(const cudaLaunchConfig_t& config, const std::function<void()>& body) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  if (config.gridDim.x == 0 || config.blockDim.x == 0 || config.blockDim.x > kMostThreads)
    return cudaErrorInvalidValue;
  ++launches;
  gridDim = config.gridDim;
  blockDim = config.blockDim;
  current_body = &body;
  for (unsigned i = 0; i < gridDim.x; ++i) {
    blockIdx = {launches % 4 < 2 ? i : gridDim.x - 1 - i, 0, 0};
    run_block();
  }
  return cudaSuccess;
}

}  // namespace emulated
