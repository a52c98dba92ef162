#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/conformance/pre_activations.hpp"

/// Codes of variable row length, as the encoding ops write them.
namespace polysem::conformance {

/// Names of the operands of one list.
struct ListNames {
  std::string_view values, ids, offsets;
};

/// A list among the operands of a problem. What lies beyond the last entry is never looked at.
class VaryingCodes {
 public:
  VaryingCodes(const Problem& problem, const std::vector<Values>& operands, const ListNames& names);

  /// "" or what breaks the layout: offsets from 0 upwards inside the capacity, ids that ascend in each row.
  std::string damage(std::int64_t latents) const;
  std::int64_t rows() const { return static_cast<std::int64_t>(offsets_->size()) - 1; }
  std::int64_t begin(std::int64_t row) const;
  std::int64_t end(std::int64_t row) const { return begin(row + 1); }
  std::int64_t count() const { return end(rows() - 1); }
  std::int64_t latent(std::int64_t entry) const;
  double value(std::int64_t entry) const;
  std::set<std::int64_t> latents_of(std::int64_t row) const;

 private:
  const Values *values_, *ids_, *offsets_;
  std::string name_;
};

/// Every offset, id and value is the expected one.
std::string compare_lists_exactly(const VaryingCodes& expected, const VaryingCodes& actual);

/// Which of the row's pre-activations are all finite.
bool finite_row(const PreActivations& pre, std::int64_t row, std::int64_t latents);

std::string describe_entry(std::int64_t row, std::int64_t latent, const std::string& what);

}  // namespace polysem::conformance
