#include <algorithm>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/latent_update_compare.hpp"
#include "tests/conformance/run_problem.hpp"
#include "tests/conformance/sparse_data.hpp"

namespace polysem::conformance {

namespace {

struct Shape {
  std::int64_t rows, latents, k, longest, d_in, d_out;
  Pattern pattern;
};

constexpr Shape kShapes[] = {
    {1, 1, 1, 0, 1, 1, Pattern::kRandom},       {1, 100, 7, 0, 33, 31, Pattern::kRandom},
    {33, 65, 4, 0, 7, 129, Pattern::kSigned},   {64, 128, 16, 0, 64, 64, Pattern::kRandom},
    {1000, 33, 3, 0, 31, 16, Pattern::kHot},    {65, 127, 5, 0, 16, 3, Pattern::kDead},
    {40, 257, 0, 20, 65, 32, Pattern::kRandom}, {33, 65, 0, 40, 3, 17, Pattern::kEmptyRows},
    {0, 16, 4, 0, 5, 5, Pattern::kRandom},      {3000, 5, 2, 0, 7, 9, Pattern::kHot},
    {130, 1100, 20, 0, 6, 5, Pattern::kSigned}};

std::string describe(const Shape& s) {
  return std::to_string(s.rows) + "x" + std::to_string(s.latents) + "_" + std::to_string(s.d_in) + "to" +
         std::to_string(s.d_out) + "_" + std::string(name(s.pattern));
}

CodesData codes_of(const Shape& s, std::uint64_t seed) {
  return make_codes(s.rows, s.latents, s.k, s.longest, s.pattern, seed);
}

void set_list(Problem& p, const CodesData& codes, const std::string& prefix) {
  const SortedData sorted = sort_codes(codes);
  p.set(prefix + "begin", sorted.begin).set(prefix + "entries", sorted.entries);
  p.set(prefix + "entry_rows", sorted.entry_rows).set(prefix + "values", codes.values);
  p.fill(prefix + "gradient", Data::kNormal).fill(prefix + "error", Data::kNormal);
}

std::string compare_grad(const Problem& problem, const std::vector<Values>& expected,
                         const std::vector<Values>& actual) {
  const double factor = sum_error(longest_list(problem.values("begin")) + 2);
  std::string found = compare_by_magnitude(problem, expected, actual, magnitudes(problem), factor, 8 * kTiny);
  for (const std::string_view operand : {"g_enc", "g_dec"}) {
    const std::size_t i = problem.position(operand);
    found += compare_nmse(operand, expected[i], actual[i], 1e-11);
  }
  return found;
}

void add_grads(std::vector<Case>& list) {
  for (const Shape& s : kShapes) {
    for (const bool accumulate : {false, true}) {
      const auto make = [=](std::uint64_t seed) {
        const CodesData codes = codes_of(s, seed);
        Problem p(LatentGrad{s.rows, s.latents, s.d_in, s.d_out, codes.capacity, 0.25f, accumulate}, seed);
        set_list(p, codes, "");
        p.fill("x", Data::kNormal);
        if (accumulate)
          p.fill("g_enc", Data::kNormal).fill("g_dec", Data::kNormal).fill("g_b", Data::kNormal);
        return accumulate ? p.pad() : p;
      };
      list.push_back({"latent_grad_" + describe(s) + (accumulate ? "_accumulate" : ""), make, compare_grad});
    }
  }
}

struct UpdateSetup {
  bool aux = false, unit_norm = false, input_gradient = true, low = false, pad = false;
  DType low_type = DType::kBF16;
  std::int64_t step = 1;
};

Problem make_update(const Shape& s, const UpdateSetup& setup, std::uint64_t seed) {
  const CodesData codes = codes_of(s, seed);
  CodesData aux;
  if (setup.aux)
    aux = make_codes(s.rows, s.latents, std::min<std::int64_t>(s.latents, 6), 0, Pattern::kRandom, seed + 1);
  LatentUpdate op{s.rows,       s.latents, s.d_in,   s.d_out,        codes.capacity,
                  aux.capacity, 0.5f,      0.03125f, setup.unit_norm};
  op.adam.step = setup.step;
  op.adam.weight_decay = setup.unit_norm ? 0.0f : 0.01f;
  Problem p(op, seed);
  set_list(p, codes, "");
  if (setup.aux) set_list(p, aux, "aux_");
  for (const std::string operand : {"x", "w_enc", "w_dec", "b_enc"}) p.fill(operand, Data::kNormal);
  if (setup.unit_norm) {
    const auto normalized = [&] {
      Problem rows(NormalizeRows{s.latents, s.d_out}, 0);
      return reference_values(rows.set("matrix", p.values("w_dec")))[0];
    };
    p.set("w_dec", normalized());
  }
  for (const std::string suffix : {"enc", "dec", "b"})
    if (setup.step > 1) p.fill("m_" + suffix, Data::kNormal, 0.1).fill("v_" + suffix, Data::kPositive, 0.01);
  if (setup.input_gradient) p.write("input_gradient");
  if (setup.low) p.type("w_enc_low", setup.low_type).type("w_dec_low", setup.low_type);
  return setup.pad ? p.pad() : p;
}

void add_updates(std::vector<Case>& list) {
  const auto add = [&](const std::string& detail, const Shape& s, const UpdateSetup& setup) {
    list.push_back({"latent_update_" + describe(s) + "_" + detail,
                    [=](std::uint64_t seed) { return make_update(s, setup, seed); }, compare_latent_update});
  };
  for (const Shape& s : kShapes) {
    add("first", s, {});
    add("later", s, {.pad = true, .step = 100});
    if (s.rows == 0) continue;  // an empty second list cannot be told from none
    add("aux", s, {.aux = true, .step = 10});
    if (s.d_out > 1)
      add("unit_norm", s, {.aux = true, .unit_norm = true, .low = true, .pad = true, .step = 10});
  }
  const Shape s{65, 100, 8, 0, 33, 31, Pattern::kRandom};
  add("low", s, {.input_gradient = false, .low = true});
  add("low_f16", s, {.low = true, .low_type = DType::kF16});
  add("unit_norm_first", s, {.unit_norm = true});
  add("long_run", s, {.aux = true, .unit_norm = true, .step = 100000});
}

}  // namespace

std::vector<Case> latent_cases() {
  std::vector<Case> list;
  add_grads(list);
  add_updates(list);
  return list;
}

}  // namespace polysem::conformance
