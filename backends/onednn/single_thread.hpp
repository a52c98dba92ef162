#pragma once

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

namespace polysem::onednn {

/// While it lives, every thread inside the arena tells OpenMP that its teams have one thread: TBB owns the
/// threads, and a oneDNN primitive runs where it is called. Threads get their own setting back when they
/// leave.
class SingleThreadedOpenMp : public tbb::task_scheduler_observer {
 public:
  explicit SingleThreadedOpenMp(tbb::task_arena& arena);
  ~SingleThreadedOpenMp() override;
  void on_scheduler_entry(bool worker) override;
  void on_scheduler_exit(bool worker) override;
};

/// The same for the calling thread, for good.
void single_threaded_openmp();

}  // namespace polysem::onednn
