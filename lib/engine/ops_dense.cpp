#include "polysem/ops_dense.hpp"

namespace polysem {

namespace {
constexpr auto kRead = Access::kRead;
constexpr auto kWrite = Access::kWrite;
constexpr auto kUpdate = Access::kUpdate;
constexpr bool kOptional = true;
}  // namespace

std::string_view name(Precision precision) noexcept {
  constexpr std::string_view kNames[] = {"f32", "tf32", "bf16", "f16"};
  return kNames[static_cast<std::size_t>(precision)];
}

std::optional<Precision> precision_of(std::string_view text) noexcept {
  for (const Precision precision : kPrecisions)
    if (name(precision) == text) return precision;
  return std::nullopt;
}

DType storage_type(Precision precision) noexcept {
  if (precision == Precision::kBF16) return DType::kBF16;
  return precision == Precision::kF16 ? DType::kF16 : DType::kF32;
}

std::array<OperandSpec, 4> Gemm::specs() const {
  const std::int64_t b_stack = shared_b ? 1 : batch;
  return {{{"a", kRead, kFloats, batch * (transpose_a ? k : m), transpose_a ? m : k},
           {"b", kRead, kFloats, b_stack * (transpose_b ? n : k), transpose_b ? k : n},
           {"bias", kRead, kF32Only, 1, n, kOptional},
           {"c", beta == 0.0f ? kWrite : kUpdate, kFloats, batch * m, n}}};
}

std::string Gemm::check() const {
  if (m < 0 || n < 0 || k < 0 || batch < 0) return "m, n, k and batch must not be negative";
  return "";
}

std::array<OperandSpec, 3> Elementwise::specs() const {
  return {{{"a", kRead, kFloats, rows, cols},
           {"b", kRead, kFloats, b_rows, b_cols, kOptional},
           {"out", kWrite, kFloats, rows, cols}}};
}

std::string Elementwise::check() const {
  if (rows < 0 || cols < 0) return "rows and cols must not be negative";
  const bool takes_b =
      kind == Kind::kAxpby || kind == Kind::kMul || kind == Kind::kSiluMul || kind == Kind::kGate;
  if (!takes_b) return b_rows == 0 && b_cols == 0 ? "" : "this kind takes no b";
  if ((b_rows != rows && b_rows != 1) || (b_cols != cols && b_cols != 1))
    return "b must have rows or 1 rows and cols or 1 columns";
  return "";
}

std::array<OperandSpec, 3> Reduce::specs() const {
  return {{{"a", kRead, kF32Only, rows, cols},
           {"b", kRead, kF32Only, b_rows, cols, kOptional},
           {"out", accumulate ? kUpdate : kWrite, kF32Only, 1, along == Along::kRows ? rows : cols}}};
}

std::string Reduce::check() const {
  if (rows < 0 || cols < 0) return "rows and cols must not be negative";
  const bool takes_b = kind == Kind::kDot || kind == Kind::kSquaredDistance;
  if (takes_b ? (b_rows != rows && b_rows != 1) : b_rows != 0) return "b_rows does not fit this kind";
  if (kind == Kind::kMax && accumulate) return "a maximum does not accumulate";
  return "";
}

std::array<OperandSpec, 1> Fill::specs() const {
  return {
      {{"out", kWrite, types(DType::kF32, DType::kBF16, DType::kF16, DType::kI32, DType::kU32), rows, cols}}};
}

std::string Fill::check() const { return rows < 0 || cols < 0 ? "rows and cols must not be negative" : ""; }

std::array<OperandSpec, 1> RandomFill::specs() const { return {{{"out", kWrite, kF32Only, rows, cols}}}; }

std::string RandomFill::check() const {
  return rows < 0 || cols < 0 ? "rows and cols must not be negative" : "";
}

std::array<OperandSpec, 3> GatherRows::specs() const {
  return {{{"table", kRead, kFloats, table_rows, cols},
           {"ids", kRead, kI32Only, 1, rows},
           {"out", kWrite, kFloats, rows, cols}}};
}

std::string GatherRows::check() const {
  return rows < 0 || cols < 0 || table_rows < 0 ? "rows, cols and table_rows must not be negative" : "";
}

std::array<OperandSpec, 3> ScatterRows::specs() const {
  return {{{"source", kRead, kFloats, rows, cols},
           {"ids", kRead, kI32Only, 1, rows},
           {"table", kUpdate, kFloats, table_rows, cols}}};
}

std::string ScatterRows::check() const {
  return rows < 0 || cols < 0 || table_rows < 0 ? "rows, cols and table_rows must not be negative" : "";
}

std::array<OperandSpec, 4> AdamUpdate::specs() const {
  return {{{"gradient", kRead, kF32Only, rows, cols},
           {"parameter", kUpdate, kF32Only, rows, cols},
           {"m", kUpdate, kF32Only, rows, cols},
           {"v", kUpdate, kF32Only, rows, cols}}};
}

std::string AdamUpdate::check() const {
  if (rows < 0 || cols < 0) return "rows and cols must not be negative";
  if (adam.step < 1) return "step counts from 1";
  return "";
}

std::array<OperandSpec, 2> ProjectRows::specs() const {
  return {{{"direction", kRead, kF32Only, rows, cols}, {"gradient", kUpdate, kF32Only, rows, cols}}};
}

std::string ProjectRows::check() const {
  return rows < 0 || cols < 0 ? "rows and cols must not be negative" : "";
}

std::array<OperandSpec, 1> NormalizeRows::specs() const {
  return {{{"matrix", kUpdate, kF32Only, rows, cols}}};
}

std::string NormalizeRows::check() const {
  return rows < 0 || cols < 0 ? "rows and cols must not be negative" : "";
}

}  // namespace polysem
