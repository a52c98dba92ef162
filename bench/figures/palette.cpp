#include "bench/figures/palette.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace polysem::figures {

namespace {

using Rgb = std::array<double, 3>;

std::string hex(const Rgb& colour) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", static_cast<unsigned>(std::lround(colour[0])),
                static_cast<unsigned>(std::lround(colour[1])), static_cast<unsigned>(std::lround(colour[2])));
  return text;
}

template <std::size_t N>
std::string between(const std::array<Rgb, N>& stops, double share) {
  const double place = std::clamp(share, 0.0, 1.0) * (N - 1);
  const auto first = std::min<std::size_t>(static_cast<std::size_t>(place), N - 2);
  const double rest = place - static_cast<double>(first);
  Rgb colour;
  for (std::size_t i = 0; i < 3; ++i)
    colour[i] = stops[first][i] + rest * (stops[first + 1][i] - stops[first][i]);
  return hex(colour);
}

}  // namespace

std::string palette_colour(int number) {
  constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#e69f00", "#56b4e9", "#000000"};
  return kColours[((number % 7) + 7) % 7];
}

std::string viridis(double share) {
  static constexpr std::array<Rgb, 9> kStops = {{{68, 1, 84},
                                                 {71, 44, 122},
                                                 {59, 81, 139},
                                                 {44, 113, 142},
                                                 {33, 144, 141},
                                                 {39, 173, 129},
                                                 {92, 200, 99},
                                                 {170, 220, 50},
                                                 {253, 231, 37}}};
  return between(kStops, share);
}

std::string diverging(double share) {
  static constexpr std::array<Rgb, 5> kStops = {
      {{0, 72, 134}, {105, 165, 205}, {247, 247, 245}, {236, 160, 100}, {179, 78, 0}}};
  return between(kStops, (share + 1) / 2);
}

}  // namespace polysem::figures
