#include "polysem/polytope.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "lib/analysis/polytope_table.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

using Matrix = std::vector<std::vector<double>>;

constexpr std::size_t kMostVertices = 16;
constexpr const char* kIrregular = "irregular";

/// Products of factors that have a name of their own.
struct Product {
  std::string name;
  std::vector<std::string> factors;  ///< largest first
};
const std::vector<Product>& named_products() {
  static const std::vector<Product> kProducts = {
      {"octahedron", {"digon", "digon", "digon"}},
      {"triangular bipyramid", {"triangle", "digon"}},
      {"pentagonal bipyramid", {"pentagon", "digon"}},
      {"hexagonal bipyramid", {"hexagon", "digon"}},
  };
  return kProducts;
}

Matrix cosines_of(const Directions& d, const std::vector<double>& norms,
                  const std::vector<std::int64_t>& features) {
  Matrix cosines(features.size(), std::vector<double>(features.size(), 1.0));
  for (std::size_t i = 0; i < features.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto a = d.row(features[i]), b = d.row(features[j]);
      double product = 0;
      for (std::size_t k = 0; k < a.size(); ++k) product += double{a[k]} * b[k];
      cosines[i][j] = cosines[j][i] = product / (norms[static_cast<std::size_t>(features[i])] *
                                                 norms[static_cast<std::size_t>(features[j])]);
    }
  }
  return cosines;
}

/// Sets of indices that a chain of cosines beyond the tolerance connects, each in ascending order.
std::vector<std::vector<std::size_t>> connected(const Matrix& cosines, double tolerance) {
  std::vector<std::vector<std::size_t>> sets;
  std::vector<bool> seen(cosines.size());
  for (std::size_t start = 0; start < cosines.size(); ++start) {
    if (seen[start]) continue;
    std::vector<std::size_t> set = {start};
    seen[start] = true;
    for (std::size_t at = 0; at < set.size(); ++at)
      for (std::size_t j = 0; j < cosines.size(); ++j)
        if (!seen[j] && std::abs(cosines[set[at]][j]) > tolerance) seen[j] = true, set.push_back(j);
    std::sort(set.begin(), set.end());
    sets.push_back(std::move(set));
  }
  return sets;
}

/// Looks for an order of the features in which their cosines are the polytope's: vertex after vertex, going
/// back where one differs by more than the tolerance.
class Matcher {
 public:
  Matcher(const Matrix& cosines, const std::vector<std::size_t>& set, const Matrix& wanted, double tolerance)
      : cosines_(cosines), set_(set), wanted_(wanted), tolerance_(tolerance), used_(set.size()) {}

  bool match(double error = 0) {
    const std::size_t next = vertices_.size();
    if (next == set_.size()) return error_ = error, true;
    for (std::size_t vertex = 0; vertex < set_.size(); ++vertex) {
      if (used_[vertex]) continue;
      double worst = error;
      for (std::size_t i = 0; i < next && worst <= tolerance_; ++i)
        worst = std::max(worst, std::abs(cosines_[set_[next]][set_[i]] - wanted_[vertex][vertices_[i]]));
      if (worst > tolerance_) continue;
      used_[vertex] = true;
      vertices_.push_back(vertex);
      if (match(worst)) return true;
      vertices_.pop_back();
      used_[vertex] = false;
    }
    return false;
  }
  double error() const noexcept { return error_; }

 private:
  const Matrix& cosines_;
  const std::vector<std::size_t>& set_;
  const Matrix& wanted_;
  double tolerance_, error_ = 0;
  std::vector<bool> used_;
  std::vector<std::size_t> vertices_;
};

PolytopeFactor name_factor(const Matrix& cosines, const std::vector<std::size_t>& set, double tolerance) {
  PolytopeFactor best{kIrregular, {}, std::numeric_limits<double>::quiet_NaN()};
  if (set.size() > kMostVertices) return best;
  for (const KnownPolytope& polytope : known_polytopes()) {
    if (polytope.cosines.size() != set.size()) continue;
    Matcher matcher(cosines, set, polytope.cosines, tolerance);
    if (matcher.match() && !(best.error <= matcher.error())) best = {polytope.name, {}, matcher.error()};
  }
  return best;
}

std::string plural_of(const std::string& name) {
  for (const KnownPolytope& polytope : known_polytopes())
    if (polytope.name == name) return polytope.plural;
  return name;
}

std::string name_product(const std::vector<PolytopeFactor>& factors) {
  std::vector<std::string> names;
  for (const auto& factor : factors) names.push_back(factor.name);
  for (const Product& product : named_products())
    if (product.factors == names) return product.name;
  std::string text;
  for (std::size_t i = 0; i < names.size();) {
    std::size_t count = 1;
    while (i + count < names.size() && names[i + count] == names[i]) ++count;
    if (names[i] == kIrregular) {
      if (count == names.size()) return kIrregular;
      count = 1;
    }
    text += text.empty() ? "" : ", ";
    if (names[i] == kIrregular)
      text += names[i] + " of " + std::to_string(factors[i].features.size());
    else
      text += count == 1 ? names[i] : std::to_string(count) + " " + plural_of(names[i]);
    i += count;
  }
  return text.empty() ? "none" : text;
}

}  // namespace

FeaturePolytope name_polytope(const Directions& directions, const PolytopeOptions& options) {
  const std::vector<double> norms = feature_geometry(directions).norms;
  std::vector<std::int64_t> represented;
  for (std::size_t i = 0; i < norms.size(); ++i)
    if (norms[i] > options.least_norm) represented.push_back(static_cast<std::int64_t>(i));
  const Matrix cosines = cosines_of(directions, norms, represented);
  FeaturePolytope result;
  for (const auto& set : connected(cosines, options.tolerance)) {
    result.factors.push_back(name_factor(cosines, set, options.tolerance));
    for (const std::size_t i : set) result.factors.back().features.push_back(represented[i]);
  }
  std::stable_sort(result.factors.begin(), result.factors.end(), [](const auto& a, const auto& b) {
    return a.features.size() != b.features.size() ? a.features.size() > b.features.size() : a.name < b.name;
  });
  result.name = name_product(result.factors);
  return result;
}

std::vector<std::string> polytope_names() {
  std::vector<std::string> names;
  for (const KnownPolytope& polytope : known_polytopes()) names.push_back(polytope.name);
  for (const Product& product : named_products()) names.push_back(product.name);
  return names;
}

PolytopeVertices polytope_vertices(const std::string& name) {
  std::vector<std::string> factors = {name};
  for (const Product& product : named_products())
    if (product.name == name) factors = product.factors;
  std::vector<const KnownPolytope*> found;
  PolytopeVertices result;
  for (const std::string& factor : factors) {
    for (const KnownPolytope& polytope : known_polytopes())
      if (polytope.name == factor) found.push_back(&polytope);
  }
  if (found.size() != factors.size())
    throw Error(ErrorCode::kInvalidArgument, "there is no polytope '" + name + "' in the table");
  for (const auto* polytope : found) result.dims += static_cast<std::int64_t>(polytope->vertices[0].size());
  std::size_t first = 0;  // dimension at which the factor's space begins
  for (const auto* polytope : found) {
    for (const auto& vertex : polytope->vertices) {
      std::vector<float> row(static_cast<std::size_t>(result.dims));
      std::copy(vertex.begin(), vertex.end(), row.begin() + static_cast<std::ptrdiff_t>(first));
      result.values.insert(result.values.end(), row.begin(), row.end());
      ++result.vertices;
    }
    first += polytope->vertices[0].size();
  }
  return result;
}

}  // namespace polysem
