#pragma once

#include <cmath>

namespace polysem {

/// Unevaluated sum of two doubles, about 32 digits (Dekker 1971; Hida, Li & Bailey 2001). For sums that
/// cancel.
struct DoubleDouble {
  double high = 0, low = 0;

  DoubleDouble() = default;
  DoubleDouble(double value) : high(value) {}  // NOLINT: a double is one
  DoubleDouble(double h, double l) : high(h), low(l) {}
  double value() const { return high + low; }
};

inline DoubleDouble two_sum(double a, double b) {
  const double sum = a + b, part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

inline DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  DoubleDouble s = two_sum(a.high, b.high);
  const DoubleDouble t = two_sum(a.low, b.low);
  s = two_sum(s.high, s.low + t.high);
  return two_sum(s.high, s.low + t.low);
}

inline DoubleDouble operator-(DoubleDouble a) { return {-a.high, -a.low}; }

inline DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const double product = a.high * b.high;
  return two_sum(product, std::fma(a.high, b.high, -product) + (a.high * b.low + a.low * b.high));
}

/// a / b for plain doubles.
inline DoubleDouble divided(double a, double b) {
  const double first = a / b, second = std::fma(-first, b, a) / b;
  return two_sum(first, second);
}

}  // namespace polysem
