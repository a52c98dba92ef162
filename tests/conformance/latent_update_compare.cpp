#include "tests/conformance/latent_update_compare.hpp"

#include <algorithm>
#include <cmath>

#include "tests/conformance/adam_bounds.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"
#include "tests/conformance/sparse_data.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// What a LatentGrad comes to, and the bounds of its rounding.
struct Gradients {
  Values enc, dec, b;
  Values enc_error, dec_error, b_error;
};

Gradients gradients(const Problem& problem, double factor) {
  const auto expected = reference_values(problem), magnitude = magnitudes(problem);
  const auto take = [&](std::string_view operand, Values& value, Values& error) {
    value = expected[problem.position(operand)];
    for (const double m : magnitude[problem.position(operand)]) error.push_back(factor * m + 4 * kTiny);
  };
  Gradients g;
  take("g_enc", g.enc, g.enc_error);
  take("g_dec", g.dec, g.dec_error);
  take("g_b", g.b, g.b_error);
  return g;
}

// The gradients that the update uses: those of the main list, plus those of the second.
Gradients update_gradients(const Problem& problem) {
  const auto& op = std::get<LatentUpdate>(problem.op());
  Problem grad(LatentGrad{op.rows, op.latents, op.d_in, op.d_out, op.capacity, op.decoder_scale}, 0);
  for (const std::string operand : {"begin", "entries", "entry_rows", "values", "gradient", "error", "x"})
    grad.set(operand, problem.values(operand));
  std::int64_t length = longest_list(problem.values("begin"));
  if (op.aux_capacity > 0) length += longest_list(problem.values("aux_begin"));
  const double factor = sum_error(length + 2);
  Gradients sum = gradients(grad, factor);
  if (op.aux_capacity == 0) return sum;

  Problem aux(LatentGrad{op.rows, op.latents, op.d_in, op.d_out, op.aux_capacity, op.aux_decoder_scale}, 0);
  for (const std::string operand : {"begin", "entries", "entry_rows", "values", "gradient", "error"})
    aux.set(operand, problem.values("aux_" + operand));
  aux.set("x", problem.values("x"));
  const Gradients more = gradients(aux, factor);
  const auto add = [](Values& to, const Values& what) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += what[i];
  };
  add(sum.enc, more.enc), add(sum.dec, more.dec), add(sum.b, more.b);
  add(sum.enc_error, more.enc_error), add(sum.dec_error, more.dec_error), add(sum.b_error, more.b_error);
  return sum;
}

// g - (g . w) w, and its error: that of g, and of the dot product times |w|.
void project(Gradients& g, const Values& w, std::int64_t latents, std::int64_t d) {
  for (std::int64_t j = 0; j < latents; ++j) {
    double dot = 0, dot_error = 0;
    for (std::size_t i = at(j * d); i < at((j + 1) * d); ++i) {
      dot += g.dec[i] * w[i];
      dot_error += (g.dec_error[i] + sum_error(d) * std::abs(g.dec[i])) * std::abs(w[i]);
    }
    for (std::size_t i = at(j * d); i < at((j + 1) * d); ++i) {
      g.dec_error[i] += dot_error * std::abs(w[i]) + 2 * kU * (std::abs(g.dec[i]) + std::abs(dot * w[i]));
      g.dec[i] -= dot * w[i];
    }
  }
}

// Dividing by a length that is nearly 1: the row's errors spread over it.
Values after_normalising(Values tolerance, const Values& w, std::int64_t latents, std::int64_t d) {
  for (std::int64_t j = 0; j < latents; ++j) {
    double squares = 0;
    for (std::size_t i = at(j * d); i < at((j + 1) * d); ++i) squares += tolerance[i] * tolerance[i];
    for (std::size_t i = at(j * d); i < at((j + 1) * d); ++i)
      tolerance[i] =
          1.2 * (tolerance[i] + std::abs(w[i]) * std::sqrt(squares)) + sum_error(d) * std::abs(w[i]);
  }
  return tolerance;
}

/// Tolerances of one parameter and its moments.
struct Tolerances {
  Values weight, m, v;
};

Tolerances step_tolerances(const Problem& problem, const std::string& weight, const std::string& suffix,
                           const Values& gradient, const Values& error) {
  const auto& op = std::get<LatentUpdate>(problem.op());
  Tolerances t;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const AdamBounds bounds =
        adam_bounds(op.adam, problem.values(weight)[i], problem.values("m_" + suffix)[i],
                    problem.values("v_" + suffix)[i], gradient[i], error[i]);
    t.weight.push_back(bounds.weight);
    t.m.push_back(bounds.m);
    t.v.push_back(bounds.v);
  }
  return t;
}

// A low-precision copy is the backend's own new weight, rounded.
std::string compare_low_copy(const Problem& problem, const std::string& weight,
                             const std::vector<Values>& actual) {
  if (!problem.at(weight + "_low").present) return "";
  Values expected = actual[problem.position(weight)];
  for (double& value : expected) value = rounded(problem.at(weight + "_low").dtype, value);
  return compare_exactly(weight + "_low", expected, actual[problem.position(weight + "_low")]);
}

}  // namespace

std::string compare_latent_update(const Problem& problem, const std::vector<Values>& expected,
                                  const std::vector<Values>& actual) {
  const auto& op = std::get<LatentUpdate>(problem.op());
  Gradients g = update_gradients(problem);
  if (op.unit_norm) project(g, problem.values("w_dec"), op.latents, op.d_out);
  std::string found;
  const auto compare = [&](const std::string& operand, const Values& tolerance) {
    const std::size_t i = problem.position(operand);
    if (!problem.operands()[i].present) return;
    found += compare_within(operand, expected[i], actual[i], tolerance);
  };
  const auto compare_parameter = [&](const std::string& weight, const std::string& suffix,
                                     const Values& gradient, const Values& error) {
    Tolerances t = step_tolerances(problem, weight, suffix, gradient, error);
    if (op.unit_norm && weight == "w_dec")
      t.weight = after_normalising(t.weight, expected[problem.position("w_dec")], op.latents, op.d_out);
    compare(weight, t.weight);
    compare("m_" + suffix, t.m);
    compare("v_" + suffix, t.v);
    if (weight != "b_enc") found += compare_low_copy(problem, weight, actual);
    const std::size_t i = problem.position(weight);
    found += compare_nmse(weight, expected[i], actual[i], 1e-9);
  };
  compare_parameter("w_enc", "enc", g.enc, g.enc_error);
  compare_parameter("w_dec", "dec", g.dec, g.dec_error);
  compare_parameter("b_enc", "b", g.b, g.b_error);

  Values to_input(at(op.d_in), 4 * kTiny);
  for (std::int64_t j = 0; j < op.latents; ++j) {
    const double error = g.b_error[at(j)] + sum_error(op.latents) * std::abs(g.b[at(j)]);
    for (std::int64_t c = 0; c < op.d_in; ++c)
      to_input[at(c)] += error * std::abs(problem.values("w_enc")[at(j * op.d_in + c)]);
  }
  compare("input_gradient", to_input);
  return found;
}

}  // namespace polysem::conformance
