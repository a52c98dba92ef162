#pragma once

#include "polysem/backend.hpp"
#include "polysem/operand.hpp"

namespace polysem::bench {

/// The backend that is measured, opened once.
Backend& backend();

/// Limits of what is measured, a processor or a card, found in this process when first asked for.
/// Best rate of matrix products: of one thread times the threads in use, or of the card. Operations (2 m n k)
/// a second.
double product_rate(Precision precision);
/// Bytes read and written a second, by all threads in use or by the card, on memory that is far larger than
/// the caches.
double memory_bandwidth();

}  // namespace polysem::bench
