#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polysem/backend.hpp"
#include "polysem/op.hpp"

/// One op with the contents of its operands, in host memory: what a conformance case runs on every backend.
namespace polysem::conformance {

/// What a float operand is filled with.
enum class Data {
  kNormal,    ///< standard normal
  kPositive,  ///< |standard normal|
  kInteger,   ///< integers in [-3, 3]: products and sums are exact, and there are many ties
  kEqual,     ///< 1.5 everywhere
  kZero,      ///< +0 and -0 mixed
  kDenormal,  ///< normal * 1e-40
  kOutlier,   ///< normal with one 1e30
  kBf16,      ///< normal, rounded to bf16: rounding the inputs changes nothing
};
std::string_view name(Data data) noexcept;

/// Elements of an operand as doubles, which hold every f32, bf16, f16, i32 and u32.
using Values = std::vector<double>;

struct Operand {
  OperandSpec spec;
  bool present = false;
  DType dtype = DType::kF32;
  std::int64_t gap = 0;  ///< elements between the end of a row and the next row
  std::int64_t skew =
      0;  ///< elements before the first, so that memory is not aligned to more than an element
  int same_memory_as = -1;  ///< position of the operand that this one lies upon
  MemoryUse use = MemoryUse::kGeneral;
  Values values;  ///< row by row; rounded to the type

  std::int64_t stride() const noexcept { return spec.cols + gap; }
};

class Problem {
 public:
  /// Operands that are not optional are present and zero, their type the first that the op allows.
  Problem(const Op& op, std::uint64_t seed);

  const Op& op() const noexcept { return op_; }
  std::vector<Operand>& operands() noexcept { return operands_; }
  const std::vector<Operand>& operands() const noexcept { return operands_; }
  Operand& at(std::string_view operand);
  const Operand& at(std::string_view operand) const;
  std::size_t position(std::string_view operand) const;
  const Values& values(std::string_view operand) const { return at(operand).values; }

  /// Each makes the operand present and returns the problem.
  Problem& type(std::string_view operand, DType dtype);
  Problem& fill(std::string_view operand, Data data, double scale = 1.0);
  Problem& set(std::string_view operand, Values values);
  Problem& write(std::string_view operand) { return at(operand).present = true, *this; }
  /// Its memory is rarely written, and a backend may keep a rearranged copy.
  Problem& frozen(std::string_view operand) { return at(operand).use = MemoryUse::kRarelyWritten, *this; }
  /// Lets `operand` share the memory of `other`.
  Problem& in_place(std::string_view operand, std::string_view other);
  /// Strides beyond the row length and odd offsets for every operand.
  Problem& pad();

  /// The same op with other numbers, operands as they are.
  void replace_op(const Op& op) { op_ = op; }

 private:
  Op op_;
  std::uint64_t seed_;
  std::vector<Operand> operands_;
};

/// Rounds to the operand's type, as a store would.
double rounded(DType type, double value);
/// Rounds as inputs of products of a precision are.
double rounded(Precision precision, double value);

/// FNV-1a, 64 bits: seeds from names.
std::uint64_t hash(std::string_view text) noexcept;

}  // namespace polysem::conformance
