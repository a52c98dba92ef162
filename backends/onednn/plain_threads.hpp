#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "backends/onednn/single_thread.hpp"

/// The thread sanitizer does not see how TBB's library orders its tasks, and reports each of them as a race.
/// Under it the work runs on plain threads instead, so that what remains are races of this backend.
namespace polysem::onednn {

inline int& plain_thread() {
  thread_local int number = 0;
  return number;
}

/// How many threads the op of this thread may use.
inline int& plain_thread_limit() {
  thread_local int limit = 1;
  return limit;
}

template <class F>
void on_plain_threads(std::int64_t count, F& f) {
  std::atomic<std::int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex failed;
  const auto work = [&](int number) {
    plain_thread() = number;
    single_threaded_openmp();
    try {
      for (std::int64_t i = next++; i < count; i = next++) f(i);
    } catch (...) {
      const std::lock_guard lock(failed);
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < plain_thread_limit(); ++i) others.emplace_back(work, i);
  work(0);
  for (std::thread& thread : others) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace polysem::onednn
