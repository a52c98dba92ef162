#include "backends/onednn/single_thread.hpp"

#include <dlfcn.h>

namespace polysem::onednn {

namespace {

// Looked up by name: whether there is an OpenMP library in the process is oneDNN's decision.
struct OpenMp {
  using Get = int (*)();
  using Set = void (*)(int);
  Get get = reinterpret_cast<Get>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  Set set = reinterpret_cast<Set>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
};

const OpenMp& open_mp() {
  static const OpenMp found;
  return found;
}

thread_local int outer_threads = 0;
thread_local int depth = 0;

}  // namespace

SingleThreadedOpenMp::SingleThreadedOpenMp(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) {
  observe(true);
}

SingleThreadedOpenMp::~SingleThreadedOpenMp() { observe(false); }

void single_threaded_openmp() {
  if (open_mp().set != nullptr) open_mp().set(1);
}

void SingleThreadedOpenMp::on_scheduler_entry(bool) {
  const OpenMp& omp = open_mp();
  if (omp.get == nullptr || omp.set == nullptr || depth++ > 0) return;
  outer_threads = omp.get();
  omp.set(1);
}

void SingleThreadedOpenMp::on_scheduler_exit(bool) {
  const OpenMp& omp = open_mp();
  if (omp.get == nullptr || omp.set == nullptr || depth == 0 || --depth > 0) return;
  omp.set(outer_threads);
}

}  // namespace polysem::onednn
