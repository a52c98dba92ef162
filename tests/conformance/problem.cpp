#include "tests/conformance/problem.hpp"

#include <cmath>
#include <stdexcept>

#include "polysem/random.hpp"

namespace polysem::conformance {

namespace {

DType first_type(TypeSet set) {
  for (const DType type : {DType::kF32, DType::kBF16, DType::kI32, DType::kU32})  // f16 goes with one of them
    if (set.contains(type)) return type;
  throw std::logic_error("an operand of no known type");
}

double draw(Data data, const Random& random, std::uint64_t i) {
  switch (data) {
    case Data::kNormal:
    case Data::kOutlier:
      return random.normal(i);
    case Data::kPositive:
      return std::abs(random.normal(i));
    case Data::kInteger:
      return static_cast<double>(random.below(7, i)) - 3;
    case Data::kEqual:
      return 1.5;
    case Data::kZero:
      return random.below(2, i) == 0 ? 0.0 : -0.0;
    case Data::kDenormal:
      return random.normal(i) * 1e-40;
    case Data::kBf16:
      return from_bf16(to_bf16(random.normal(i)));
  }
  return 0;
}

}  // namespace

std::string_view name(Data data) noexcept {
  constexpr std::string_view kNames[] = {"normal", "positive", "integer", "equal",
                                         "zero",   "denormal", "outlier", "bf16values"};
  return kNames[static_cast<std::size_t>(data)];
}

double rounded(DType type, double value) {
  if (type == DType::kF32) return static_cast<float>(value);
  if (type == DType::kBF16) return from_bf16(to_bf16(static_cast<float>(value)));
  if (type == DType::kF16) return from_f16(to_f16(static_cast<float>(value)));
  return value;
}

// TF32 has f16's 11 significant bits over the range of f32.
double rounded(Precision precision, double value) {
  if (precision != Precision::kTF32 || !std::isfinite(value)) return rounded(storage_type(precision), value);
  int exponent;
  const double fraction = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 11)), exponent - 11);
}

std::uint64_t hash(std::string_view text) noexcept {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

Problem::Problem(const Op& op, std::uint64_t seed) : op_(op), seed_(seed) {
  for (const OperandSpec& spec : specs(op)) {
    Operand operand{.spec = spec, .present = !spec.optional, .dtype = first_type(spec.types), .values = {}};
    operand.values.resize(static_cast<std::size_t>(spec.rows * spec.cols));
    operands_.push_back(std::move(operand));
  }
}

std::size_t Problem::position(std::string_view operand) const {
  for (std::size_t i = 0; i < operands_.size(); ++i)
    if (operands_[i].spec.name == operand) return i;
  throw std::logic_error("no operand " + std::string(operand) + " in " + to_string(op_));
}

Operand& Problem::at(std::string_view operand) { return operands_[position(operand)]; }
const Operand& Problem::at(std::string_view operand) const { return operands_[position(operand)]; }

Problem& Problem::type(std::string_view operand, DType dtype) {
  Operand& o = at(operand);
  o.present = true;
  o.dtype = dtype;
  for (double& value : o.values) value = rounded(dtype, value);
  return *this;
}

Problem& Problem::fill(std::string_view operand, Data data, double scale) {
  Operand& o = at(operand);
  o.present = true;
  const Random random(seed_, RandomStream::kData, static_cast<std::uint32_t>(position(operand)));
  for (std::size_t i = 0; i < o.values.size(); ++i)
    o.values[i] = rounded(o.dtype, scale * draw(data, random, i));
  if (data == Data::kOutlier && !o.values.empty())
    o.values[random.below(o.values.size(), o.values.size())] = rounded(o.dtype, 1e30);
  return *this;
}

Problem& Problem::set(std::string_view operand, Values values) {
  Operand& o = at(operand);
  if (values.size() != o.values.size())
    throw std::logic_error("wrong number of values for " + std::string(operand) + " of " + to_string(op_));
  o.present = true;
  for (double& value : values) value = rounded(o.dtype, value);
  o.values = std::move(values);
  return *this;
}

Problem& Problem::in_place(std::string_view operand, std::string_view other) {
  Operand& o = at(operand);
  const Operand& below = at(other);
  o.present = true;
  o.dtype = below.dtype;
  o.gap = below.gap;
  o.skew = below.skew;
  o.same_memory_as = static_cast<int>(position(other));
  return *this;
}

Problem& Problem::pad() {
  std::int64_t i = 0;
  for (Operand& o : operands_) {
    o.gap = 1 + i % 5;
    o.skew = 1 + i % 3;
    ++i;
  }
  for (Operand& o : operands_) {
    if (o.same_memory_as < 0) continue;
    o.gap = operands_[static_cast<std::size_t>(o.same_memory_as)].gap;
    o.skew = operands_[static_cast<std::size_t>(o.same_memory_as)].skew;
  }
  return *this;
}

}  // namespace polysem::conformance
