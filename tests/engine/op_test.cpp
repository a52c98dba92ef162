#include "polysem/op.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "polysem/error.hpp"

namespace polysem {
namespace {

class FakeBuffer final : public Buffer {
 public:
  explicit FakeBuffer(std::uint64_t bytes) : Buffer(bytes) {}
};

/// Operands that fit an op, each in a buffer of its own that is just large enough.
class Fitting {
 public:
  explicit Fitting(const Op& op) : op_(op) {
    for (const OperandSpec& spec : specs(op)) {
      const auto type = spec.types.contains(DType::kF32)    ? DType::kF32
                        : spec.types.contains(DType::kBF16) ? DType::kBF16
                        : spec.types.contains(DType::kI32)  ? DType::kI32
                                                            : DType::kU32;
      Tensor t{nullptr, 0, spec.rows, spec.cols, spec.cols, type};
      buffers_.push_back(std::make_unique<FakeBuffer>(t.span_bytes()));
      t.buffer = buffers_.back().get();
      operands_.push_back(spec.optional ? Tensor{} : t);
    }
  }

  Tensor& operator[](std::string_view name) {
    const auto list = specs(op_);
    for (std::size_t i = 0; i < list.size(); ++i)
      if (list[i].name == name) return operands_[i];
    throw std::logic_error("no such operand");
  }
  std::vector<Tensor>& operands() { return operands_; }

  // "" or what validate() says.
  std::string complaint() const {
    try {
      validate(op_, operands_);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
  }

 private:
  Op op_;
  std::vector<std::unique_ptr<FakeBuffer>> buffers_;
  std::vector<Tensor> operands_;
};

// The message must start with the op and its numbers and hold every part.
void expect_complaint(const Fitting& fitting, std::initializer_list<const char*> parts) {
  const std::string message = fitting.complaint();
  EXPECT_NE(message, "");
  for (const char* part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "'" << part << "' in: " << message;
}

const Gemm kGemm{.m = 3, .n = 4, .k = 5};

TEST(Validate, AcceptsWhatFits) {
  EXPECT_EQ(Fitting(kGemm).complaint(), "");
  EXPECT_EQ(Fitting(EncodeTopK{.rows = 2, .d_in = 3, .latents = 8, .k = 4}).complaint(), "");
  EXPECT_EQ(Fitting(LatentUpdate{.rows = 2, .latents = 4, .d_in = 3, .d_out = 3, .capacity = 6}).complaint(),
            "");
  EXPECT_EQ(Fitting(Gemm{}).complaint(), "") << "nothing to do is no mistake";
}

TEST(Validate, MissingOperand) {
  Fitting f(kGemm);
  f["b"] = {};
  expect_complaint(f, {"gemm m=3 n=4 k=5", "operand b", "missing"});
}

TEST(Validate, NumberOfOperands) {
  Fitting f(kGemm);
  f.operands().pop_back();
  expect_complaint(f, {"gemm", "expected 4 operands, found 3"});
}

TEST(Validate, ElementType) {
  Fitting f(kGemm);
  f["a"].dtype = DType::kI32;
  expect_complaint(f, {"gemm", "operand a", "expected f32 or f16 or bf16, found i32"});
}

TEST(Validate, Shape) {
  Fitting f(kGemm);
  f["c"].cols = 3;
  expect_complaint(f, {"gemm", "operand c", "expected shape [3, 4], found [3, 3]"});
}

TEST(Validate, Stride) {
  Fitting f(kGemm);
  f["a"].stride = 4;
  expect_complaint(f, {"gemm", "operand a", "stride"});
}

TEST(Validate, Alignment) {
  Fitting f(kGemm);
  f["a"].offset = 2;
  expect_complaint(f, {"gemm", "operand a", "aligned"});
}

TEST(Validate, BoundsOfTheBuffer) {
  Fitting further(kGemm), wider(kGemm), hostile(kGemm);
  further["a"].offset = 4;
  expect_complaint(further, {"gemm", "operand a", "end of its buffer"});
  wider["b"].stride = 5;
  expect_complaint(wider, {"gemm", "operand b", "end of its buffer"});
  hostile["a"].stride = INT64_MAX;  // the product must not wrap
  expect_complaint(hostile, {"gemm", "operand a", "end of its buffer"});
}

TEST(Validate, OutputsMayNotOverlap) {
  FakeBuffer shared(1000);
  Fitting f(kGemm);
  f["a"].buffer = f["c"].buffer = &shared;
  f["c"].offset = 56;  // a ends at byte 60
  expect_complaint(f, {"gemm", "operand c", "overlaps operand a"});
  f["c"].offset = 60;
  EXPECT_EQ(f.complaint(), "");
  f["b"].buffer = &shared;  // inputs may; b ends at byte 80
  f["c"].offset = 80;
  EXPECT_EQ(f.complaint(), "");
}

// Columns [0, 5) and [5, 9) of one matrix with rows of 9, wherever the matrix starts in its buffer.
TEST(Validate, ColumnsOfOneMatrixDoNotOverlap) {
  for (const std::uint64_t start : {0u, 4u, 20u}) {
    FakeBuffer shared(3 * 9 * 4 + start);
    Fitting f(kGemm);
    f["a"] = {&shared, start, 3, 5, 9, DType::kF32};
    f["c"] = {&shared, start + 20, 3, 4, 9, DType::kF32};
    EXPECT_EQ(f.complaint(), "") << start;
    f["c"].offset = start + 16;
    expect_complaint(f, {"operand c", "overlaps operand a"});
  }
}

TEST(Validate, ElementwiseRunsInPlaceOnlyUponItsLike) {
  FakeBuffer other(1000);
  const auto fitting = [&](std::int64_t b_rows, std::int64_t b_cols) {
    Fitting f(Elementwise{
        .kind = Elementwise::Kind::kMul, .rows = 3, .cols = 4, .b_rows = b_rows, .b_cols = b_cols});
    f["b"] = {&other, 0, b_rows, b_cols, 4, DType::kF32};
    EXPECT_EQ(f.complaint(), "");
    return f;
  };
  Fitting whole = fitting(3, 4), row = fitting(1, 4), column = fitting(3, 1);
  whole["out"] = whole["a"];
  EXPECT_EQ(whole.complaint(), "");
  whole["out"] = whole["b"];
  EXPECT_EQ(whole.complaint(), "");
  // What is spread would be written before all have read it.
  row["b"].buffer = row["out"].buffer;
  expect_complaint(row, {"elementwise", "operand out", "overlaps operand b"});
  column["b"].buffer = column["out"].buffer;
  expect_complaint(column, {"elementwise", "operand out", "overlaps operand b"});
}

TEST(Validate, OperandsThatDependOnOthers) {
  Fitting mul(Elementwise{.kind = Elementwise::Kind::kMul, .rows = 1, .cols = 1, .b_rows = 1, .b_cols = 1});
  mul["b"] = {};
  expect_complaint(mul, {"elementwise", "operand b is missing"});
  Fitting dot(Reduce{.kind = Reduce::Kind::kDot, .rows = 1, .cols = 1, .b_rows = 1});
  dot["b"] = {};
  expect_complaint(dot, {"reduce", "operand b is missing"});
  FakeBuffer memory(100);
  Fitting decode(SparseDecode{.rows = 1, .latents = 2, .d_out = 1, .k = 1, .capacity = 1});
  EXPECT_EQ(decode.complaint(), "");
  decode["error"] = {&memory, 0, 1, 1, 1, DType::kF32};
  expect_complaint(decode, {"sparse_decode", "target"});
  Fitting candidates(EncodeTopK{.rows = 1, .d_in = 1, .latents = 4, .k = 1, .candidates = 2});
  EXPECT_EQ(candidates.complaint(), "");
  candidates["candidates"] = {};
  expect_complaint(candidates, {"encode_topk", "operand candidates is missing"});
}

struct BadNumbers {
  Op op;
  const char* part;
};

TEST(Validate, EveryKindOfBadNumber) {
  const BadNumbers kBad[] = {
      {Gemm{.m = -1}, "negative"},
      {Elementwise{.rows = 2, .cols = 2, .b_rows = 2, .b_cols = 2}, "takes no b"},
      {Elementwise{.kind = Elementwise::Kind::kMul, .rows = 3, .cols = 2, .b_rows = 2, .b_cols = 2},
       "b must have"},
      {Reduce{.kind = Reduce::Kind::kMax, .rows = 1, .cols = 1, .accumulate = true}, "does not accumulate"},
      {Reduce{.kind = Reduce::Kind::kSum, .rows = 1, .cols = 1, .b_rows = 1}, "b_rows"},
      {Fill{.rows = -1}, "negative"},
      {RandomFill{.cols = -1}, "negative"},
      {GatherRows{.table_rows = -1}, "negative"},
      {ScatterRows{.rows = -1}, "negative"},
      {AdamUpdate{.rows = 1, .cols = 1, .adam = {.step = 0}}, "step counts from 1"},
      {ProjectRows{.rows = -1}, "negative"},
      {NormalizeRows{.rows = -1}, "negative"},
      {EncodeTopK{.rows = 1, .d_in = 1, .latents = 4, .k = 5}, "k must not exceed"},
      {EncodeTopK{.rows = 1, .d_in = 1, .latents = 4, .k = 0}, "k must be at least 1"},
      {EncodeTopK{.rows = 1, .d_in = 1, .latents = 4, .k = 2, .candidates = 1}, "k must not exceed"},
      {EncodeTopK{.rows = 1, .d_in = 1, .latents = 4, .k = 2, .candidates = 5},
       "more candidates than latents"},
      {EncodeTopK{.rows = 1, .d_in = 1, .latents = INT64_C(1) << 31, .k = 2}, "2^31"},
      {EncodeTopK{.rows = INT64_C(1) << 40, .d_in = 1, .latents = 4, .k = INT64_C(1) << 40}, "2^31"},
      {SparseDecode{.rows = 2, .latents = 4, .d_out = 1, .k = 2, .capacity = 5},
       "capacity must be rows times k"},
      {SparseGradValues{.rows = 1, .latents = 1, .d_out = -1}, "negative"},
      {TransposeCodes{.rows = 1, .latents = 1, .k = 2, .capacity = 2}, "k must not exceed"},
      {LatentGrad{.rows = 1, .latents = 1, .d_in = -1}, "negative"},
      {LatentUpdate{.rows = 1, .latents = 1, .adam = {.step = -1}}, "step counts from 1"},
      {LatentUpdate{.rows = 1, .latents = 1, .aux_capacity = -1}, "aux_capacity"},
      {FiringStats{.rows = -1}, "negative"},
      {ScatterDense{.rows = 1, .latents = 1, .capacity = -1}, "negative"},
      {RmsNorm{.cols = -1}, "negative"},
      {Rope{.rows = 1, .heads = 1, .head_dim = 4, .rotary = 3}, "rotary must be even"},
      {Rope{.rows = 1, .heads = 1, .head_dim = 4, .rotary = 6}, "rotary must be even"},
      {Rope{.rows = 1, .heads = 1, .head_dim = 4, .rotary = 4, .base = 0.0f}, "base must be positive"},
      {Attention{.heads = 3, .kv_heads = 2, .head_dim = 1}, "multiple of kv_heads"},
      {Attention{.heads = 0, .kv_heads = 1, .head_dim = 1}, "there must be a head"},
      {CrossEntropy{.rows = 1, .classes = 0}, "there must be a class"},
      {KlDivergence{.rows = 1, .classes = 0}, "there must be a class"},
      {FeatureFill{.batch = -1}, "negative"},
      {FeatureFill{.features = 3, .set_size = 2}, "set_size must divide"},
      {FeatureFill{.features = 3, .set_size = 0}, "set_size must divide"},
      {ToyGrad{.dims = INT64_C(1) << 31}, "below 2^31"},
      {TiedGrad{.neurons = -1}, "negative"},
  };
  for (const BadNumbers& bad : kBad) {
    try {
      validate(bad.op, {});
      ADD_FAILURE() << to_string(bad.op) << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      const std::string message = error.what();
      EXPECT_TRUE(message.starts_with(to_string(bad.op) + ": ")) << message;
      EXPECT_NE(message.find(bad.part), std::string::npos) << message;
    }
  }
}

TEST(OpNames, PrintNumbersByName) {
  EXPECT_EQ(
      to_string(EncodeTopK{.rows = 64, .d_in = 16, .latents = 128, .k = 4, .precision = Precision::kBF16}),
      "encode_topk rows=64 d_in=16 latents=128 k=4 candidates=0 precision=bf16");
  EXPECT_EQ(
      to_string(Reduce{.kind = Reduce::Kind::kMax, .along = Reduce::Along::kColumns, .rows = 2, .cols = 3}),
      "reduce kind=4 along=1 rows=2 cols=3 b_rows=0 accumulate=0");
  EXPECT_EQ(name(Op(KlDivergence{})), "kl_divergence");
}

template <class O>
void check_op_description() {
  const O op;
  int numbers = 0;
  op.fields([&](std::string_view, const auto&) { ++numbers; });
  const std::string text = to_string(Op(op));
  EXPECT_TRUE(text.starts_with(O::kName));
  EXPECT_EQ(std::count(text.begin(), text.end(), '='), numbers) << text;
  const auto list = specs(Op(op));
  EXPECT_EQ(list.size(), kOperandCount<O>) << O::kName;
  bool writes = false;
  for (const OperandSpec& spec : list) writes = writes || spec.access != Access::kRead;
  EXPECT_TRUE(writes) << O::kName << " writes nothing";
}

template <std::size_t... I>
void check_op_descriptions(std::index_sequence<I...>) {
  (check_op_description<std::variant_alternative_t<I, Op>>(), ...);
}

TEST(OpNames, EveryOpDescribesItself) {
  check_op_descriptions(std::make_index_sequence<std::variant_size_v<Op>>());
}

// Operands by name land where specs() says.
TEST(OpNames, PackAndUnpackKeepTheOrder) {
  FakeBuffer a(1), c(1);
  Gemm::Operands operands;
  operands.a.buffer = &a;
  operands.c.buffer = &c;
  const auto list = pack<Gemm>(operands);
  EXPECT_EQ(list[0].buffer, &a);
  EXPECT_EQ(list[3].buffer, &c);
  EXPECT_EQ(unpack<Gemm>(list).c.buffer, &c);
}

}  // namespace
}  // namespace polysem
