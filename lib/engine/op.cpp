#include "polysem/op.hpp"

#include <sstream>
#include <type_traits>

#include "polysem/error.hpp"

namespace polysem {

namespace {

struct FieldPrinter {
  std::ostringstream& out;

  template <class T>
  void operator()(std::string_view field, const T& value) {
    out << ' ' << field << '=';
    if constexpr (std::is_same_v<T, Precision>) {
      out << name(value);
    } else if constexpr (std::is_enum_v<T>) {
      out << static_cast<std::int64_t>(value);
    } else {
      out << value;
    }
  }
};

[[noreturn]] void refuse(const Op& op, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, to_string(op) + ": " + what);
}

std::string shape(std::int64_t rows, std::int64_t cols) {
  return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]";
}

std::string type_names(TypeSet set) {
  std::string list;
  for (unsigned i = 0; i <= static_cast<unsigned>(DType::kBool); ++i) {
    const auto type = static_cast<DType>(i);
    if (set.contains(type)) list += (list.empty() ? "" : " or ") + std::string(name(type));
  }
  return list;
}

// Ends of the bytes that a view touches, as an error-checked range inside its buffer.
void check_bounds(const Op& op, const OperandSpec& spec, const Tensor& t) {
  if (t.rows == 0 || t.cols == 0) return;
  if (t.stride < t.cols) refuse(op, "operand " + std::string(spec.name) + ": stride is smaller than a row");
  if (t.offset % size_of(t.dtype) != 0)
    refuse(op, "operand " + std::string(spec.name) + ": offset is not aligned");
  __extension__ using Wide = unsigned __int128;
  const Wide elements = Wide(static_cast<std::uint64_t>(t.rows - 1)) * static_cast<std::uint64_t>(t.stride) +
                        static_cast<std::uint64_t>(t.cols);
  if (Wide(t.offset) + elements * size_of(t.dtype) > t.buffer->bytes())
    refuse(op, "operand " + std::string(spec.name) + ": reaches past the end of its buffer");
}

void check_operand(const Op& op, const OperandSpec& spec, const Tensor& t) {
  const std::string label = "operand " + std::string(spec.name);
  if (!t) {
    if (!spec.optional) refuse(op, label + " is missing");
    return;
  }
  if (!spec.types.contains(t.dtype))
    refuse(op, label + ": expected " + type_names(spec.types) + ", found " + std::string(name(t.dtype)));
  if (t.rows != spec.rows || t.cols != spec.cols)
    refuse(op,
           label + ": expected shape " + shape(spec.rows, spec.cols) + ", found " + shape(t.rows, t.cols));
  check_bounds(op, spec, t);
}

bool overlap(const Tensor& a, const Tensor& b) {
  if (a.buffer != b.buffer || a.elements() == 0 || b.elements() == 0) return false;
  if (a.offset >= b.offset + b.span_bytes() || b.offset >= a.offset + a.span_bytes()) return false;
  // Two column ranges of one matrix interleave without touching.
  if (a.stride == b.stride && a.dtype == b.dtype && a.stride > 0) {
    const auto pitch = static_cast<std::uint64_t>(a.stride) * size_of(a.dtype);
    const std::uint64_t width_a = static_cast<std::uint64_t>(a.cols) * size_of(a.dtype);
    const std::uint64_t width_b = static_cast<std::uint64_t>(b.cols) * size_of(b.dtype);
    // How far a row of b starts behind one of a.
    const std::uint64_t behind = (b.offset % pitch + pitch - a.offset % pitch) % pitch;
    return behind < width_a || behind + width_b > pitch;
  }
  return true;
}

bool same_view(const Tensor& a, const Tensor& b) {
  return a.buffer == b.buffer && a.offset == b.offset && a.rows == b.rows && a.cols == b.cols &&
         a.stride == b.stride && a.dtype == b.dtype;
}

void check_overlap(const Op& op, std::span<const OperandSpec> list, std::span<const Tensor> operands) {
  const bool in_place_allowed =
      std::holds_alternative<Elementwise>(op) || std::holds_alternative<RmsNorm>(op);
  for (std::size_t w = 0; w < operands.size(); ++w) {
    if (!operands[w] || list[w].access == Access::kRead) continue;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (i == w || !operands[i] || !overlap(operands[w], operands[i])) continue;
      if (in_place_allowed && same_view(operands[w], operands[i])) continue;
      refuse(op, "operand " + std::string(list[w].name) + " is written and overlaps operand " +
                     std::string(list[i].name));
    }
  }
}

// What shapes alone cannot say.
struct Extra {
  const Op& op;
  void operator()(const Elementwise& e, std::span<const Tensor> t) const {
    if (e.b_rows > 0 && !t[1]) refuse(op, "operand b is missing");
  }
  void operator()(const Reduce& r, std::span<const Tensor> t) const {
    if (r.b_rows > 0 && !t[1]) refuse(op, "operand b is missing");
  }
  void operator()(const SparseDecode&, std::span<const Tensor> t) const {
    const auto o = unpack<SparseDecode>(t);
    if ((o.error || o.row_loss) && !o.target) refuse(op, "error and row_loss need a target");
  }
  void operator()(const FiringStats&, std::span<const Tensor> t) const {
    const auto o = unpack<FiringStats>(t);
    if (static_cast<bool>(o.begin) == static_cast<bool>(o.counts)) refuse(op, "expected begin or counts");
  }
  void operator()(const ToyGrad& g, std::span<const Tensor> t) const {
    const auto o = unpack<ToyGrad>(t);
    if (!g.tied && (!o.decoder || !o.decoder_grad))
      refuse(op, "operands decoder and decoder_grad are missing");
  }
  template <class T>
  void operator()(const T&, std::span<const Tensor>) const {}
};

}  // namespace

std::string_view name(const Op& op) noexcept {
  return std::visit([](const auto& o) { return std::decay_t<decltype(o)>::kName; }, op);
}

std::string to_string(const Op& op) {
  std::ostringstream out;
  out << name(op);
  std::visit([&](const auto& o) { o.fields(FieldPrinter{out}); }, op);
  return out.str();
}

std::vector<OperandSpec> specs(const Op& op) {
  return std::visit(
      [](const auto& o) {
        const auto list = o.specs();
        return std::vector<OperandSpec>(list.begin(), list.end());
      },
      op);
}

void validate(const Op& op, std::span<const Tensor> operands) {
  if (std::string wrong = std::visit([](const auto& o) { return o.check(); }, op); !wrong.empty())
    refuse(op, wrong);
  const auto list = specs(op);
  if (operands.size() != list.size())
    refuse(op,
           "expected " + std::to_string(list.size()) + " operands, found " + std::to_string(operands.size()));
  for (std::size_t i = 0; i < list.size(); ++i) check_operand(op, list[i], operands[i]);
  check_overlap(op, list, operands);
  std::visit([&](const auto& o) { Extra{op}(o, operands); }, op);
}

}  // namespace polysem
