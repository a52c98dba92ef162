// What the library does not do between opening a model and the end: allocate, lock, or call the system.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#if __has_include(<linux/seccomp.h>)
#include <linux/seccomp.h>
#endif

#include "tests/core/test_model.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POLYSEM_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POLYSEM_TEST_SANITIZED
#endif
#endif

#ifndef POLYSEM_TEST_SANITIZED

namespace {
long allocations = 0, locks = 0;
}

// Stand before the C library's own, which stay in reach under other names.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* malloc(std::size_t size) { return ++allocations, __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return ++allocations, __libc_calloc(count, size); }
void* realloc(void* block, std::size_t size) { return ++allocations, __libc_realloc(block, size); }
void* memalign(std::size_t alignment, std::size_t size) {
  return ++allocations, __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return ++allocations, __libc_memalign(alignment, size);
}
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  ++locks;
  static const auto real =
      reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  return real(mutex);
}
}

namespace polysem::core::testing {
namespace {

/// A model with its memory, and every function called with it once.
class Everything {
 public:
  Everything()
      : file_(make_model({.d_in = 64,
                          .d_out = 64,
                          .latents = 200,
                          .activation = POLYSEM_JUMPRELU,
                          .encoder = POLYSEM_INT8,
                          .decoder = POLYSEM_INT8,
                          .skip = true,
                          .ids = true,
                          .text = true})
                  .file()),
        memory_(std::size_t{1} << 20),
        x_(Numbers(1).vector(kPositions * 64)),
        y_(kPositions * 64),
        f_(kPositions * 200),
        latents_(kPositions * 200),
        counts_(kPositions) {}

  /// The first status that is not what it should be, or OK.
  polysem_status run() {
    polysem_model model;
    polysem_state* state = nullptr;
    std::size_t bytes = 0, hits = 0;
    std::uint32_t latent = 0;
    polysem_text text;
    polysem_counters counters;
    polysem_reading reading;
    polysem_hit hit[4];
    const polysem_watch watches[] = {{3, 0.5f, 0.25f, 0.5f}, {7, 0.5f, 0.25f, 1}};
    const polysem_term terms[] = {{0, 0}, {1, 1}};
    const polysem_rule rules[] = {{POLYSEM_ANY, terms, 2}};
    const polysem_weight weights[] = {{0, 1}, {1, -1}};
    const polysem_probe probes[] = {{weights, 2, 0, 0.5f, 0.5f}};
    const polysem_config config = {kPositions, watches, 2, rules, 1, probes, 1};
    const polysem_edit edits[] = {{3, POLYSEM_ADD, 2}, {9, POLYSEM_ABLATE, 0}};
    const polysem_in one = polysem_one(x_.data(), 64), many = polysem_many(x_.data(), kPositions, 64);
    const polysem_out y = polysem_many_out(y_.data(), kPositions, 64);
    polysem_codes codes = {latents_.data(), f_.data(), counts_.data(), kPositions, 200};
    const std::uint32_t list[] = {1, 5};
    polysem_status status = POLYSEM_OK;
    const auto expect = [&status](polysem_status got) { status = status == POLYSEM_OK ? got : status; };
    expect(polysem_open(file_.data(), file_.size(), &model));
    expect(polysem_state_size(&model, &config, &bytes));
    expect(polysem_state_init(&model, &config, memory_.data(), memory_.size(), &state));
    expect(polysem_encode(state, one, polysem_one_out(f_.data(), 200)));
    expect(polysem_encode(state, many, polysem_many_out(f_.data(), kPositions, 200)));
    expect(polysem_encode_list(state, many, list, 2, polysem_many_out(f_.data(), kPositions, 2)));
    expect(polysem_encode_sparse(state, many, &codes));
    expect(polysem_decode(state, &codes, y));
    expect(polysem_reconstruct(state, many, y));
    expect(polysem_error_term(state, many, many, y));
    expect(polysem_apply_edits(state, many, edits, 2, y));
    expect(polysem_observe(state, many, hit, 4, &hits));
    expect(polysem_read(state, POLYSEM_PROBE, 0, &reading));
    expect(polysem_get_counters(state, &counters));
    expect(polysem_reset(state));
    expect(polysem_find_latent(&model, 4, &latent));
    expect(polysem_source_latent(&model, 4, &latent));
    expect(polysem_latent_name(&model, 4, &text));
    expect(polysem_latent_note(&model, 4, &text));
    polysem_model_source(&model);
    polysem_status_text(status);
    return status;
  }

 private:
  static constexpr std::size_t kPositions = 40;
  Aligned file_, memory_;
  std::vector<float> x_, y_, f_;
  std::vector<std::uint32_t> latents_, counts_;
};

TEST(CoreBlind, AllocatesAndLocksNothing) {
  Everything everything;
  const long allocations_before = allocations, locks_before = locks;
  const polysem_status status = everything.run();
  const long allocated = allocations - allocations_before, locked = locks - locks_before;
  EXPECT_EQ(status, POLYSEM_OK);
  EXPECT_EQ(allocated, 0);
  EXPECT_EQ(locked, 0);
  void* volatile block = std::malloc(1);
  std::free(block);
  EXPECT_GT(allocations, allocations_before) << "the count sees nothing";
}

#ifdef SECCOMP_MODE_STRICT
// In strict mode the kernel kills a process at any call but read, write and exit.
TEST(CoreBlind, CallsTheSystemForNothing) {
  Everything everything;
  const auto ending = [&everything](bool call) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
      const int status = everything.run();
      if (call) syscall(SYS_getppid);
      syscall(SYS_exit, status);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  };
  const int status = ending(false);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), POLYSEM_OK);
  EXPECT_TRUE(WIFSIGNALED(ending(true))) << "a call goes unnoticed";
}
#endif

}  // namespace
}  // namespace polysem::core::testing

#endif
