#include "polysem/ops_sparse.hpp"

namespace polysem {

namespace {

constexpr auto kRead = Access::kRead;
constexpr auto kWrite = Access::kWrite;
constexpr auto kUpdate = Access::kUpdate;
constexpr bool kOptional = true;
constexpr TypeSet kLow = types(DType::kBF16, DType::kF16);

// The codes' entries are numbered by i32, so that lists of entries are half as large.
constexpr std::int64_t kMostEntries = 0x7fffffff;

std::string check_codes(std::int64_t rows, std::int64_t latents, std::int64_t k, std::int64_t capacity) {
  if (rows < 0 || latents < 0 || k < 0 || capacity < 0) return "sizes must not be negative";
  if (latents > kMostEntries || capacity > kMostEntries || rows > kMostEntries)
    return "rows, latents and entries must stay below 2^31";
  if (k > latents) return "k must not exceed the number of latents";
  if (k > 0 && capacity != rows * k) return "capacity must be rows times k";
  return "";
}

OperandSpec row_offsets(std::int64_t rows, std::int64_t k) {
  return {"row_offsets", kRead, kI32Only, k > 0 ? 0 : 1, k > 0 ? 0 : rows + 1, k > 0};
}

}  // namespace

std::array<OperandSpec, 8> EncodeTopK::specs() const {
  return {{{"x", kRead, kFloats, rows, d_in},
           {"w_enc", kRead, kFloats, latents, d_in},
           {"b_enc", kRead, kF32Only, 1, latents},
           {"scale", kRead, kF32Only, 1, latents, kOptional},
           {"candidates", kRead, kI32Only, 1, candidates, candidates == 0},
           {"values", kWrite, kF32Only, 1, rows * k},
           {"ids", kWrite, kI32Only, 1, rows * k},
           {"nonfinite", kUpdate, kU32Only, 1, 1, kOptional}}};
}

std::string EncodeTopK::check() const {
  if (d_in < 0 || candidates < 0) return "sizes must not be negative";
  if (candidates > latents) return "there cannot be more candidates than latents";
  if (candidates > 0 && k > candidates) return "k must not exceed the number of candidates";
  if (k < 1 && rows > 0) return "k must be at least 1";
  if (rows > kMostEntries || k > kMostEntries) return "rows and k must stay below 2^31";
  return check_codes(rows, latents, k, rows * k);
}

std::array<OperandSpec, 12> EncodeThreshold::specs() const {
  const bool no_band = band == 0.0f;
  return {{{"x", kRead, kFloats, rows, d_in},
           {"w_enc", kRead, kFloats, latents, d_in},
           {"b_enc", kRead, kF32Only, 1, latents},
           {"threshold", kRead, kF32Only, 1, latents, kOptional},
           {"values", kWrite, kF32Only, 1, capacity},
           {"ids", kWrite, kI32Only, 1, capacity},
           {"row_offsets", kWrite, kI32Only, 1, rows + 1},
           {"band_values", kWrite, kF32Only, 1, band_capacity, no_band},
           {"band_ids", kWrite, kI32Only, 1, band_capacity, no_band},
           {"band_offsets", kWrite, kI32Only, 1, no_band ? 0 : rows + 1, no_band},
           {"needed", kWrite, kU32Only, 1, 2},
           {"nonfinite", kUpdate, kU32Only, 1, 1, kOptional}}};
}

std::string EncodeThreshold::check() const {
  if (d_in < 0 || band_capacity < 0) return "sizes must not be negative";
  if (band_capacity > kMostEntries) return "entries must stay below 2^31";
  if (!(band >= 0.0f)) return "band must not be negative";
  if (band == 0.0f && band_capacity != 0) return "band_capacity needs a band";
  return check_codes(rows, latents, 0, capacity);
}

std::array<OperandSpec, 9> EncodeBatchTopK::specs() const {
  return {{{"x", kRead, kFloats, rows, d_in},
           {"w_enc", kRead, kFloats, latents, d_in},
           {"b_enc", kRead, kF32Only, 1, latents},
           {"scale", kRead, kF32Only, 1, latents, kOptional},
           {"values", kWrite, kF32Only, 1, total},
           {"ids", kWrite, kI32Only, 1, total},
           {"row_offsets", kWrite, kI32Only, 1, rows + 1},
           {"threshold", kWrite, kF32Only, 1, 1},
           {"nonfinite", kUpdate, kU32Only, 1, 1, kOptional}}};
}

std::string EncodeBatchTopK::check() const {
  if (d_in < 0) return "sizes must not be negative";
  if (latents > 0 && total > 0 && (total - 1) / latents >= rows)
    return "total must not exceed rows times latents";
  if (total > 0 && latents == 0) return "total must not exceed rows times latents";
  return check_codes(rows, latents, 0, total);
}

std::array<OperandSpec, 10> SparseDecode::specs() const {
  return {{{"values", kRead, kF32Only, 1, capacity},
           {"ids", kRead, kI32Only, 1, capacity},
           row_offsets(rows, k),
           {"w_dec", kRead, kFloats, latents, d_out},
           {"bias", kRead, kF32Only, 1, d_out, kOptional},
           {"base", kRead, kF32Only, rows, d_out, kOptional},
           {"target", kRead, kF32Only, rows, d_out, kOptional},
           {"output", kWrite, kF32Only, rows, d_out, kOptional},
           {"error", kWrite, kF32Only, rows, d_out, kOptional},
           {"row_loss", kWrite, kF32Only, 1, rows, kOptional}}};
}

std::string SparseDecode::check() const {
  return d_out < 0 ? "sizes must not be negative" : check_codes(rows, latents, k, capacity);
}

std::array<OperandSpec, 6> SparseGradValues::specs() const {
  return {{{"error", kRead, kF32Only, rows, d_out},
           {"w_dec", kRead, kFloats, latents, d_out},
           {"values", kRead, kF32Only, 1, capacity},
           {"ids", kRead, kI32Only, 1, capacity},
           row_offsets(rows, k),
           {"gradient", kWrite, kF32Only, 1, capacity}}};
}

std::string SparseGradValues::check() const {
  return d_out < 0 ? "sizes must not be negative" : check_codes(rows, latents, k, capacity);
}

std::array<OperandSpec, 6> ThresholdGrad::specs() const {
  return {{{"begin", kRead, kI32Only, 1, latents + 1},
           {"entries", kRead, kI32Only, 1, capacity},
           {"values", kRead, kF32Only, 1, capacity},
           {"gradient", kRead, kF32Only, 1, capacity},
           {"threshold", kRead, kF32Only, 1, latents},
           {"out", kWrite, kF32Only, 1, latents}}};
}

std::string ThresholdGrad::check() const { return check_codes(0, latents, 0, capacity); }

std::array<OperandSpec, 6> TransposeCodes::specs() const {
  return {{{"values", kRead, kF32Only, 1, capacity},
           {"ids", kRead, kI32Only, 1, capacity},
           row_offsets(rows, k),
           {"begin", kWrite, kI32Only, 1, latents + 1},
           {"entries", kWrite, kI32Only, 1, capacity},
           {"entry_rows", kWrite, kI32Only, 1, capacity}}};
}

std::string TransposeCodes::check() const { return check_codes(rows, latents, k, capacity); }

std::array<OperandSpec, 10> LatentGrad::specs() const {
  const auto output = accumulate ? kUpdate : kWrite;
  return {{{"begin", kRead, kI32Only, 1, latents + 1},
           {"entries", kRead, kI32Only, 1, capacity},
           {"entry_rows", kRead, kI32Only, 1, capacity},
           {"values", kRead, kF32Only, 1, capacity},
           {"gradient", kRead, kF32Only, 1, capacity},
           {"error", kRead, kF32Only, rows, d_out},
           {"x", kRead, kF32Only, rows, d_in},
           {"g_enc", output, kF32Only, latents, d_in},
           {"g_dec", output, kF32Only, latents, d_out},
           {"g_b", output, kF32Only, 1, latents}}};
}

std::string LatentGrad::check() const {
  return d_in < 0 || d_out < 0 ? "sizes must not be negative" : check_codes(rows, latents, 0, capacity);
}

std::array<OperandSpec, 25> LatentUpdate::specs() const {
  const bool no_aux = aux_capacity == 0;
  return {{{"begin", kRead, kI32Only, 1, latents + 1},
           {"entries", kRead, kI32Only, 1, capacity},
           {"entry_rows", kRead, kI32Only, 1, capacity},
           {"values", kRead, kF32Only, 1, capacity},
           {"gradient", kRead, kF32Only, 1, capacity},
           {"error", kRead, kF32Only, rows, d_out},
           {"x", kRead, kF32Only, rows, d_in},
           {"aux_begin", kRead, kI32Only, 1, latents + 1, no_aux},
           {"aux_entries", kRead, kI32Only, 1, aux_capacity, no_aux},
           {"aux_entry_rows", kRead, kI32Only, 1, aux_capacity, no_aux},
           {"aux_values", kRead, kF32Only, 1, aux_capacity, no_aux},
           {"aux_gradient", kRead, kF32Only, 1, aux_capacity, no_aux},
           {"aux_error", kRead, kF32Only, rows, d_out, no_aux},
           {"w_enc", kUpdate, kF32Only, latents, d_in},
           {"w_dec", kUpdate, kF32Only, latents, d_out},
           {"b_enc", kUpdate, kF32Only, 1, latents},
           {"m_enc", kUpdate, kF32Only, latents, d_in},
           {"v_enc", kUpdate, kF32Only, latents, d_in},
           {"m_dec", kUpdate, kF32Only, latents, d_out},
           {"v_dec", kUpdate, kF32Only, latents, d_out},
           {"m_b", kUpdate, kF32Only, 1, latents},
           {"v_b", kUpdate, kF32Only, 1, latents},
           {"input_gradient", kWrite, kF32Only, 1, d_in, kOptional},
           {"w_enc_low", kWrite, kLow, latents, d_in, kOptional},
           {"w_dec_low", kWrite, kLow, latents, d_out, kOptional}}};
}

std::string LatentUpdate::check() const {
  if (d_in < 0 || d_out < 0) return "sizes must not be negative";
  if (adam.step < 1) return "step counts from 1";
  if (aux_capacity < 0 || aux_capacity > kMostEntries) return "aux_capacity must lie in [0, 2^31)";
  return check_codes(rows, latents, 0, capacity);
}

std::array<OperandSpec, 4> FiringStats::specs() const {
  return {{{"begin", kRead, kI32Only, 1, latents + 1, kOptional},
           {"counts", kRead, kF32Only, 1, latents, kOptional},
           {"fired", kUpdate, kU32Only, 1, latents},
           {"since", kUpdate, kU32Only, 1, latents}}};
}

std::string FiringStats::check() const { return check_codes(rows, latents, 0, 0); }

std::array<OperandSpec, 4> ScatterDense::specs() const {
  return {{{"values", kRead, kF32Only, 1, capacity},
           {"ids", kRead, kI32Only, 1, capacity},
           row_offsets(rows, k),
           {"out", kWrite, kF32Only, rows, latents}}};
}

std::string ScatterDense::check() const { return check_codes(rows, latents, k, capacity); }

}  // namespace polysem
