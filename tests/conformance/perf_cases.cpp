#include "tests/conformance/perf_cases.hpp"

#include <cmath>
#include <utility>

#include "tests/conformance/sparse_data.hpp"

namespace polysem::conformance {

namespace {

/// Makes the problems of one size; all of them work on the same codes.
class Cases {
 public:
  Cases(const CoderSize& size, const std::function<void(const PerfCase&)>& f)
      : f_(f),
        s_(size),
        codes_(make_codes(s_.batch, s_.n, s_.k, 0, Pattern::kRandom, 1)),
        sorted_(sort_codes(codes_)) {}

  void make() {
    dense();
    for (const Precision p : kPrecisions) encoders(p);
    codes();
    update();
  }

 private:
  void add(std::string name, Problem problem, double operations = 0, Precision precision = Precision::kF32) {
    f_({std::move(name), std::move(problem), operations, precision});
  }
  static double times(std::int64_t a, std::int64_t b) {
    return static_cast<double>(a) * static_cast<double>(b);
  }
  double product() const { return 2 * times(s_.batch, s_.n) * static_cast<double>(s_.d); }
  double sparse() const { return 2 * times(s_.batch, s_.k) * static_cast<double>(s_.d); }

  void dense() {
    for (const Precision p : kPrecisions) {
      const DType type = storage_type(p);
      Problem gemm(Gemm{.m = s_.batch, .n = s_.n, .k = s_.d, .transpose_b = true, .precision = p}, 1);
      gemm.type("a", type).type("b", type).fill("a", Data::kNormal).fill("b", Data::kNormal);
      add("gemm " + std::string(name(p)), gemm, product(), p);
    }
    Problem sum(Elementwise{.kind = Elementwise::Kind::kAxpby,
                            .rows = s_.n,
                            .cols = s_.d,
                            .b_rows = s_.n,
                            .b_cols = s_.d,
                            .alpha = 0.5f,
                            .beta = 0.5f},
                1);
    add("elementwise", sum.fill("a", Data::kNormal).fill("b", Data::kNormal));
    Problem norms(Reduce{.kind = Reduce::Kind::kSumSquares, .rows = s_.n, .cols = s_.d}, 1);
    add("reduce rows", norms.fill("a", Data::kNormal));
    Problem columns(
        Reduce{.kind = Reduce::Kind::kSum, .along = Reduce::Along::kColumns, .rows = s_.batch, .cols = s_.d},
        1);
    add("reduce columns", columns.fill("a", Data::kNormal));
    add("random_fill", Problem(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = s_.n, .cols = s_.d}, 1));
    Problem unit(NormalizeRows{s_.n, s_.d}, 1);
    add("normalize_rows", unit.fill("matrix", Data::kNormal));
    Problem adam(AdamUpdate{.rows = s_.n, .cols = s_.d}, 1);
    adam.fill("gradient", Data::kNormal).fill("parameter", Data::kNormal).fill("v", Data::kPositive);
    add("adam_update", adam);
  }

  void encoders(Precision p) {
    const DType type = storage_type(p);
    const std::string ending = " " + std::string(name(p));
    const auto with_inputs = [&](Problem problem) {
      problem.fill("x", Data::kNormal).type("w_enc", type);
      problem.fill("w_enc", Data::kNormal, 1 / std::sqrt(static_cast<double>(s_.d)));
      return problem;
    };
    add("encode_topk" + ending,
        with_inputs(
            {EncodeTopK{.rows = s_.batch, .d_in = s_.d, .latents = s_.n, .k = s_.k, .precision = p}, 1}),
        product(), p);
    add("encode_batch_topk" + ending,
        with_inputs(
            {EncodeBatchTopK{
                 .rows = s_.batch, .d_in = s_.d, .latents = s_.n, .total = s_.batch * s_.k, .precision = p},
             1}),
        product(), p);
    // Pre-activations are standard normal: above 2.5 lie six in a thousand.
    Problem threshold = with_inputs({EncodeThreshold{.rows = s_.batch,
                                                     .d_in = s_.d,
                                                     .latents = s_.n,
                                                     .capacity = s_.batch * (s_.n / 100 + 8),
                                                     .precision = p},
                                     1});
    threshold.set("threshold", Values(static_cast<std::size_t>(s_.n), 2.5));
    add("encode_threshold" + ending, threshold, product(), p);
  }

  void codes() {
    const std::int64_t capacity = codes_.capacity;
    Problem decode(
        SparseDecode{.rows = s_.batch, .latents = s_.n, .d_out = s_.d, .k = s_.k, .capacity = capacity}, 1);
    set_codes(decode, codes_);
    decode.fill("w_dec", Data::kNormal).fill("target", Data::kNormal).write("error").write("row_loss");
    add("sparse_decode", decode, sparse());
    Problem gradient(
        SparseGradValues{.rows = s_.batch, .latents = s_.n, .d_out = s_.d, .k = s_.k, .capacity = capacity},
        1);
    set_codes(gradient, codes_);
    add("sparse_grad_values", gradient.fill("w_dec", Data::kNormal).fill("error", Data::kNormal), sparse());
    Problem transpose(TransposeCodes{s_.batch, s_.n, s_.k, capacity}, 1);
    set_codes(transpose, codes_);
    add("transpose_codes", transpose);
    Problem stats(FiringStats{s_.batch, s_.n}, 1);
    add("firing_stats", stats.set("begin", sorted_.begin));
  }

  void update() {
    LatentUpdate op{
        .rows = s_.batch, .latents = s_.n, .d_in = s_.d, .d_out = s_.d, .capacity = codes_.capacity};
    op.unit_norm = true, op.adam.step = 10;
    Problem p(op, 1);
    p.set("begin", sorted_.begin).set("entries", sorted_.entries).set("entry_rows", sorted_.entry_rows);
    p.set("values", codes_.values);
    for (const char* operand : {"gradient", "error", "x", "w_enc", "w_dec"}) p.fill(operand, Data::kNormal);
    add("latent_update", p, 2 * sparse());
  }

  const std::function<void(const PerfCase&)>& f_;
  CoderSize s_;
  CodesData codes_;
  SortedData sorted_;
};

}  // namespace

void for_each_perf_case(const CoderSize& size, const std::function<void(const PerfCase&)>& f) {
  Cases(size, f).make();
}

double bytes_moved(const Problem& problem) {
  double bytes = 0;
  for (const Operand& o : problem.operands()) {
    if (!o.present) continue;
    bytes +=
        static_cast<double>(o.values.size() * size_of(o.dtype)) * (o.spec.access == Access::kUpdate ? 2 : 1);
  }
  return bytes;
}

}  // namespace polysem::conformance
