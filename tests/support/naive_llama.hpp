#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "polysem/gguf.hpp"
#include "polysem/language_model.hpp"

namespace polysem::test {

using Matrix = std::vector<std::vector<double>>;

/// The model once more, one sequence at a time, in double and without any of the library's arithmetic: what
/// LanguageModel is checked by. `patch` may change the activations of any site.
class NaiveLlama {
 public:
  using Patch = std::function<void(const Site&, Matrix&)>;

  explicit NaiveLlama(const GgufFile& file) : file_(file), shape_(LlamaShape::read(file)) {}

  std::map<std::string, Matrix> sites;  ///< of the last run, by name, after patching

  /// Logits of every position.
  Matrix run(const std::vector<std::int32_t>& ids, const Patch& patch = {}) {
    Matrix x;
    const Matrix table = weight("token_embd.weight");
    for (const std::int32_t id : ids) x.push_back(table[static_cast<std::size_t>(id)]);
    for (std::int64_t b = 0; b < shape_.blocks; ++b) {
      const std::string p = "blk." + std::to_string(b) + ".";
      const auto pass = [&](SiteKind kind, Matrix& m) {
        const Site site{b, kind};
        if (patch) patch(site, m);
        sites[site.name()] = m;
      };
      pass(SiteKind::kResidPre, x);
      Matrix a = times(attend(norm(x, p + "attn_norm.weight"), p), p + "attn_output.weight");
      pass(SiteKind::kAttnOut, a);
      accumulate(x, a);
      pass(SiteKind::kResidMid, x);
      Matrix n = norm(x, p + "ffn_norm.weight");
      pass(SiteKind::kLn2Normalized, n);
      Matrix post = times(n, p + "ffn_gate.weight");
      const Matrix up = times(n, p + "ffn_up.weight");
      for (std::size_t i = 0; i < post.size(); ++i)
        for (std::size_t j = 0; j < post[i].size(); ++j)
          post[i][j] *= up[i][j] / (1.0 + std::exp(-post[i][j]));
      pass(SiteKind::kMlpPost, post);
      Matrix m = times(post, p + "ffn_down.weight");
      pass(SiteKind::kMlpOut, m);
      accumulate(x, m);
      pass(SiteKind::kResidPost, x);
    }
    return times(norm(x, "output_norm.weight"), shape_.tied ? "token_embd.weight" : "output.weight");
  }

  static double log_sum_exp(const std::vector<double>& v) {
    double sum = 0;
    for (const double e : v) sum += std::exp(e);
    return std::log(sum);
  }

 private:
  Matrix weight(const std::string& name) const {
    const GgufTensor& t = *file_.find(name);
    std::vector<float> values(static_cast<std::size_t>(t.rows() * t.cols()));
    file_.dequantize(t, 0, t.rows(), values);
    Matrix out(static_cast<std::size_t>(t.rows()));
    for (std::size_t r = 0; r < out.size(); ++r)
      for (std::size_t c = 0; c < t.shape[0]; ++c) out[r].push_back(double{values[r * t.shape[0] + c]});
    return out;
  }
  Matrix times(const Matrix& x, const std::string& name) const {
    const Matrix w = weight(name);
    Matrix out;
    for (const auto& row : x) {
      out.emplace_back();
      for (const auto& column : w) {
        double sum = 0;
        for (std::size_t i = 0; i < column.size(); ++i) sum += row[i] * column[i];
        out.back().push_back(sum);
      }
    }
    return out;
  }
  Matrix norm(const Matrix& x, const std::string& name) const {
    const std::vector<double> w = weight(name)[0];
    Matrix out = x;
    for (auto& row : out) {
      double squares = 0;
      for (const double v : row) squares += v * v;
      const double scale =
          1.0 / std::sqrt(squares / static_cast<double>(row.size()) + double{shape_.rms_epsilon});
      for (std::size_t i = 0; i < row.size(); ++i) row[i] *= scale * w[i];
    }
    return out;
  }
  // Turns pairs (2 i, 2 i + 1) of each head as complex numbers.
  void rotate(Matrix& x) const {
    const auto dim = static_cast<std::size_t>(shape_.head_dim),
               turned = static_cast<std::size_t>(shape_.rotary);
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t c = 0; c < x[t].size(); c += 2) {
        const std::size_t in_head = c % dim;
        if (in_head >= turned) continue;
        const double angle =
            static_cast<double>(t) * double{shape_.position_scale} /
            std::pow(double{shape_.rope_base}, static_cast<double>(in_head) / static_cast<double>(turned));
        const double a = x[t][c], b = x[t][c + 1];
        x[t][c] = a * std::cos(angle) - b * std::sin(angle);
        x[t][c + 1] = a * std::sin(angle) + b * std::cos(angle);
      }
  }
  Matrix attend(const Matrix& x, const std::string& p) const {
    Matrix q = times(x, p + "attn_q.weight"), k = times(x, p + "attn_k.weight");
    const Matrix v = times(x, p + "attn_v.weight");
    rotate(q), rotate(k);
    const auto dim = static_cast<std::size_t>(shape_.head_dim);
    const auto group = static_cast<std::size_t>(shape_.heads / shape_.kv_heads);
    Matrix out(x.size(), std::vector<double>(q[0].size()));
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t h = 0; h < static_cast<std::size_t>(shape_.heads); ++h) {
        std::vector<double> score;
        for (std::size_t s = 0; s <= t; ++s) {
          double dot = 0;
          for (std::size_t i = 0; i < dim; ++i) dot += q[t][h * dim + i] * k[s][h / group * dim + i];
          score.push_back(dot / std::sqrt(static_cast<double>(dim)));
        }
        const double total = log_sum_exp(score);
        for (std::size_t s = 0; s <= t; ++s)
          for (std::size_t i = 0; i < dim; ++i)
            out[t][h * dim + i] += std::exp(score[s] - total) * v[s][h / group * dim + i];
      }
    return out;
  }
  static void accumulate(Matrix& x, const Matrix& y) {
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = 0; j < x[i].size(); ++j) x[i][j] += y[i][j];
  }

  const GgufFile& file_;
  LlamaShape shape_;
};

}  // namespace polysem::test
