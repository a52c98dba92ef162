#pragma once

#include "polysem/backend.hpp"
#include "polysem/operand.hpp"

namespace polysem::bench {

/// The backend that is measured, opened once.
Backend& backend();

/// Limits of this machine, measured in this process when first asked for.
/// Best rate of one thread's matrix product, times the threads in use: operations (2 m n k) a second.
double product_rate(Precision precision);
/// Bytes read and written a second by all threads in use, on memory that is far larger than the caches.
double memory_bandwidth();

}  // namespace polysem::bench
