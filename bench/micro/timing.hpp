#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "bench/micro/machine.hpp"
#include "polysem/executor.hpp"

namespace polysem::bench {

/// Times `step` until Google Benchmark has enough, with the floor of the machine beside it. `times_floor`
/// takes the fastest run: what else goes on in the machine is not the step's.
template <class Step>
void measure(benchmark::State& state, Executor& executor, double floor_seconds, Step&& step) {
  step();
  executor.synchronize();
  double fastest = 1e30;
  for ([[maybe_unused]] auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    step();
    executor.synchronize();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.SetIterationTime(seconds);
    fastest = std::min(fastest, seconds);
  }
  state.counters["floor_seconds"] = floor_seconds;
  state.counters["fastest_seconds"] = fastest;
  state.counters["times_floor"] = fastest / floor_seconds;
}

/// Registers a benchmark of wall time.
template <class F>
void add(const std::string& name, F&& run) {
  benchmark::RegisterBenchmark(name.c_str(), std::forward<F>(run))
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace polysem::bench
