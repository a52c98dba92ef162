#pragma once

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

#include "backends/onednn/kernels/kernels.hpp"
#include "backends/onednn/memory.hpp"
#include "backends/onednn/scratch.hpp"
#ifdef __SANITIZE_THREAD__
#include "backends/onednn/plain_threads.hpp"
#endif

namespace polysem::onednn {

/// What an op works with. Ops split their work by shape alone and never by the number of threads, so that
/// results are the same bits for any number of them.
struct Context {
  Scratch& scratch;
  int threads;  ///< most that work at once

  /// f(i) for i in [0, count), on any thread, in any order. Inside an op's run this is all the parallelism
  /// there is; f must not call it again.
  template <class F>
  static void parallel(std::int64_t count, F&& f) {
    if (count == 1) {
      f(std::int64_t{0});
      return;
    }
#ifdef __SANITIZE_THREAD__
    on_plain_threads(count, f);
#else
    tbb::parallel_for(
        tbb::blocked_range<std::int64_t>(0, count, 1),
        [&](const tbb::blocked_range<std::int64_t>& range) {
          for (std::int64_t i = range.begin(); i < range.end(); ++i) f(i);
        },
        tbb::simple_partitioner());
#endif
  }

  /// f(first, last) over [0, count) in pieces of `grain`.
  template <class F>
  static void parallel_ranges(std::int64_t count, std::int64_t grain, F&& f) {
    if (count <= 0) return;
    grain = std::max<std::int64_t>(grain, 1);
    parallel((count + grain - 1) / grain,
             [&](std::int64_t i) { f(i * grain, std::min(count, (i + 1) * grain)); });
  }

  /// Number of the calling thread, below `threads`.
  static int thread() {
#ifdef __SANITIZE_THREAD__
    return plain_thread();
#else
    return tbb::this_task_arena::current_thread_index();
#endif
  }

  template <class T>
  PerThread<T> per_thread(std::int64_t count) {
    return PerThread<T>(scratch, threads, count);
  }
};

}  // namespace polysem::onednn
