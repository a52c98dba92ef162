#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/conformance/problem.hpp"

/// The ops of a training step at one size, for rates.
namespace polysem::conformance {

struct CoderSize {
  std::int64_t d, n, batch, k;
};

struct PerfCase {
  std::string name;
  Problem problem;
  double operations = 0;  ///< floating-point operations
  Precision precision = Precision::kF32;
};

/// One after another: at large sizes there is not the memory for all.
void for_each_perf_case(const CoderSize& size, const std::function<void(const PerfCase&)>& f);

/// Bytes that have to go through memory once: every operand that is read and every one that is written.
double bytes_moved(const Problem& problem);

}  // namespace polysem::conformance
