#include "tests/conformance/varying_codes.hpp"

#include <cmath>

namespace polysem::conformance {

namespace {
std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
}  // namespace

VaryingCodes::VaryingCodes(const Problem& problem, const std::vector<Values>& operands,
                           const ListNames& names)
    : values_(&operands[problem.position(names.values)]),
      ids_(&operands[problem.position(names.ids)]),
      offsets_(&operands[problem.position(names.offsets)]),
      name_(names.ids) {}

std::int64_t VaryingCodes::begin(std::int64_t row) const {
  return row < 0 ? 0 : static_cast<std::int64_t>((*offsets_)[at(row)]);
}
std::int64_t VaryingCodes::latent(std::int64_t entry) const {
  return static_cast<std::int64_t>((*ids_)[at(entry)]);
}
double VaryingCodes::value(std::int64_t entry) const { return (*values_)[at(entry)]; }

std::string VaryingCodes::damage(std::int64_t latents) const {
  const auto capacity = static_cast<std::int64_t>(ids_->size());
  if (begin(0) != 0) return name_ + ": offsets do not start with 0\n";
  for (std::int64_t r = 0; r < rows(); ++r) {
    if (end(r) < begin(r) || end(r) > capacity) return describe_entry(r, 0, "offsets of " + name_);
    for (std::int64_t e = begin(r); e < end(r); ++e) {
      if (latent(e) < 0 || latent(e) >= latents) return describe_entry(r, latent(e), "is no latent");
      if (e > begin(r) && latent(e) <= latent(e - 1)) return describe_entry(r, latent(e), "does not ascend");
    }
  }
  return "";
}

std::set<std::int64_t> VaryingCodes::latents_of(std::int64_t row) const {
  std::set<std::int64_t> list;
  for (std::int64_t e = begin(row); e < end(row); ++e) list.insert(latent(e));
  return list;
}

std::string compare_lists_exactly(const VaryingCodes& expected, const VaryingCodes& actual) {
  for (std::int64_t r = 0; r < expected.rows(); ++r) {
    if (expected.end(r) != actual.end(r))
      return "row " + std::to_string(r) + ": expected to end at " + std::to_string(expected.end(r)) +
             ", found " + std::to_string(actual.end(r)) + "\n";
    for (std::int64_t e = expected.begin(r); e < expected.end(r); ++e) {
      if (expected.latent(e) != actual.latent(e))
        return describe_entry(r, actual.latent(e),
                              "where " + std::to_string(expected.latent(e)) + " belongs");
      if (expected.value(e) != actual.value(e))
        return describe_entry(
            r, actual.latent(e),
            "expected " + std::to_string(expected.value(e)) + ", found " + std::to_string(actual.value(e)));
    }
  }
  return "";
}

bool finite_row(const PreActivations& pre, std::int64_t row, std::int64_t latents) {
  for (std::int64_t j = 0; j < latents; ++j)
    if (!std::isfinite(pre.h[at(row * latents + j)])) return false;
  return true;
}

std::string describe_entry(std::int64_t row, std::int64_t latent, const std::string& what) {
  return "row " + std::to_string(row) + ": latent " + std::to_string(latent) + " " + what + "\n";
}

}  // namespace polysem::conformance
