// Every function of polysem::core on every kind of model, against plain sums in double, and one hash over all
// bits that it computes in the fixed order: the same number on every machine.
#include <cstdio>

#include "tests/core/test_model.hpp"

namespace polysem::core::testing {
namespace {

// What x86-64 with AVX-512, AVX2 and SSE2 computes. Another value on another machine means that its sums are
// not in the order that polysem/core.h promises.
constexpr std::uint64_t kBits = 0x5fc6890d7c2b0856;

int failures = 0;

void expect(bool holds, const char* what, const Shape& shape) {
  if (holds) return;
  if (++failures <= 20)
    std::printf("FAILED: %s (activation %d, encoder %d, decoder %d, d_in %u)\n", what, shape.activation,
                shape.encoder, shape.decoder, static_cast<unsigned>(shape.d_in));
}

/// FNV-1a over the bits of numbers.
class Hash {
 public:
  void add(std::uint32_t bits) {
    for (int i = 0; i < 4; ++i) value_ = (value_ ^ (bits >> 8 * i & 0xff)) * 0x100000001b3u;
  }
  void add(const std::vector<float>& values) {
    for (const float value : values) {
      std::uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      add(bits);
    }
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325u;
};

bool near(const std::vector<float>& got, const std::vector<double>& expected,
          const std::vector<double>& tolerance) {
  bool all = true;
  for (std::size_t i = 0; i < got.size(); ++i)
    all = all && std::abs(got[i] - expected[i]) <= 4 * tolerance[i];
  return all;
}

bool codes_agree(const TestModel& model, const float* x, const std::vector<float>& f) {
  std::vector<bool> unsure;
  std::vector<double> tolerance;
  const auto expected = model.encode(x, &unsure, &tolerance);
  bool all = true;
  for (std::size_t i = 0; i < f.size(); ++i)
    all = all && (unsure[i] || std::abs(f[i] - expected[i]) <= 4 * tolerance[i]);
  return all;
}

void check_coder(const TestModel& model, Hash& hash) {
  const Shape& s = model.shape;
  polysem_config batched = {};
  batched.batch = 3;
  const Opened opened(model.file()), batch(model.file(), &batched);
  expect(opened.status == POLYSEM_OK && batch.status == POLYSEM_OK, "a model opens", s);
  if (opened.status != POLYSEM_OK || batch.status != POLYSEM_OK) return;
  auto x = Numbers(5).vector(4 * s.d_in);
  for (float& value : x) value *= 1.37f;  // so that products are rounded
  const polysem_in in = polysem_one(x.data(), s.d_in);
  std::vector<float> f(s.latents), y(s.d_out), e(s.d_out), many(4 * s.latents);
  expect(polysem_encode(opened.state, in, polysem_one_out(f.data(), f.size())) == POLYSEM_OK, "encode", s);
  expect(codes_agree(model, x.data(), f), "codes are those of double arithmetic", s);
  expect(polysem_encode(batch.state, polysem_many(x.data(), 4, s.d_in),
                        polysem_many_out(many.data(), 4, s.latents)) == POLYSEM_OK,
         "encode a batch", s);
  for (std::size_t p = 0; p < 4; ++p)
    expect(codes_agree(model, x.data() + p * s.d_in,
                       {many.begin() + static_cast<long>(p * s.latents),
                        many.begin() + static_cast<long>((p + 1) * s.latents)}),
           "codes of a batch", s);

  std::vector<std::uint32_t> latents(s.latents);
  std::vector<float> values(s.latents), listed(3), dense(s.latents), decoded(s.d_out);
  std::uint32_t count = 0;
  polysem_codes codes = {latents.data(), values.data(), &count, 1, latents.size()};
  expect(polysem_encode_sparse(opened.state, in, &codes) == POLYSEM_OK, "encode sparsely", s);
  for (std::uint32_t i = 0; i < count; ++i) dense[latents[i]] = values[i];
  expect(dense == f, "sparse codes are the same bits", s);
  const std::uint32_t list[] = {s.latents - 1, 0, 7};
  expect(polysem_encode_list(opened.state, in, list, 3, polysem_one_out(listed.data(), 3)) == POLYSEM_OK,
         "encode a list", s);
  expect(listed[0] == f[s.latents - 1] && listed[1] == f[0] && listed[2] == f[7], "a list is the same bits",
         s);
  std::vector<double> tolerance;
  auto expected = model.decode({f.begin(), f.end()}, &tolerance);
  expect(
      polysem_decode(opened.state, &codes, polysem_one_out(decoded.data(), decoded.size())) == POLYSEM_OK &&
          near(decoded, expected, tolerance),
      "decode", s);
  model.add_skip(x.data(), expected);
  for (double& t : tolerance) t += 1e-5 * s.d_in;
  expect(polysem_reconstruct(opened.state, in, polysem_one_out(y.data(), y.size())) == POLYSEM_OK &&
             near(y, expected, tolerance),
         "reconstruct", s);
  const auto target = Numbers(6).vector(s.d_out);
  expect(polysem_error_term(opened.state, in, polysem_one(target.data(), target.size()),
                            polysem_one_out(e.data(), e.size())) == POLYSEM_OK,
         "error term", s);
  const polysem_edit edits[] = {{1, POLYSEM_ADD, 2.5f}, {7, POLYSEM_SCALE, 0.3f}, {9, POLYSEM_CAP, 0.125f}};
  std::vector<float> edited = target;
  expect(polysem_apply_edits(opened.state, in, edits, 3, polysem_one_out(edited.data(), edited.size())) ==
             POLYSEM_OK,
         "edit", s);
  for (const auto* numbers : {&f, &decoded, &y, &e, &edited}) hash.add(*numbers);
}

void check_monitor(const TestModel& model, Hash& hash) {
  const polysem_watch watches[] = {{0, 1, 0.5f, 0.4f}, {3, 2, 2, 1}, {8, 0, 0, 0.7f}};
  const polysem_term terms[] = {{0, 0}, {1, 1}, {2, 0}};
  const polysem_rule rules[] = {{POLYSEM_ALL, terms, 2}, {POLYSEM_ANY, terms, 3}};
  const polysem_weight weights[] = {{0, 0.7f}, {1, -0.3f}, {2, 0.11f}};
  const polysem_probe probes[] = {{weights, 3, -0.2f, 0.6f, 0.4f}};
  const polysem_config config = {0, watches, 3, rules, 2, probes, 1};
  const Opened opened(model.file(), &config);
  expect(opened.status == POLYSEM_OK, "a monitor", model.shape);
  if (opened.status != POLYSEM_OK) return;
  auto x = Numbers(7).vector(50 * model.shape.d_in);
  x[3 * model.shape.d_in] = NAN;
  polysem_hit hits[200];
  std::size_t count = 0;
  expect(polysem_observe(opened.state, polysem_many(x.data(), 50, model.shape.d_in), hits, 200, &count) ==
             POLYSEM_NON_FINITE,
         "NaN is reported", model.shape);
  expect(count > 0 && count <= 200, "there are hits", model.shape);
  for (std::size_t i = 0; i < count; ++i) {
    hash.add(hits[i].position), hash.add(hits[i].index);
    hash.add(std::vector<float>{hits[i].value});
  }
  polysem_reading reading = {};
  expect(polysem_read(opened.state, POLYSEM_PROBE, 0, &reading) == POLYSEM_OK && reading.value >= 0 &&
             reading.value <= 1,
         "a score", model.shape);
  hash.add(std::vector<float>{reading.value});
}

/// The size that an engineer plans with.
void check_memory() {
  const TestModel model =
      make_model({.d_in = 576, .d_out = 576, .latents = 16, .activation = POLYSEM_JUMPRELU});
  const std::vector<polysem_watch> watches(16, polysem_watch{3, 1, 1, 1});
  polysem_config config = {};
  config.watches = watches.data(), config.watch_count = 16;
  const Opened opened(model.file(), &config);
  std::printf("state, d 576 and 16 watches: %u bytes\n", static_cast<unsigned>(opened.memory.size()));
  expect(opened.status == POLYSEM_OK && opened.memory.size() <= 8192, "a state takes at most 8 KiB",
         model.shape);
}

polysem_status open(const Aligned& file) {
  polysem_model model;
  return polysem_open(file.data(), file.size(), &model);
}

/// A reader that computes sizes in 32 bits too early takes one of these.
void check_bad_files() {
  Shape shape{.d_in = 33, .d_out = 33, .latents = 9, .activation = POLYSEM_JUMPRELU, .encoder = POLYSEM_INT8};
  shape.subtract = shape.ids = shape.text = true;
  const TestModel model = make_model(shape);
  Aligned file = model.file();
  expect(open(file) == POLYSEM_OK, "the whole file opens", shape);
  for (std::size_t size = 0; size < file.size(); size += size < 600 ? 1 : 13)
    expect(open({file.data(), size}) == POLYSEM_TRUNCATED, "a truncated file", shape);
  for (std::size_t at = 0; at < file.size(); ++at) {
    file.data()[at] ^= static_cast<unsigned char>(1 << at % 8);
    expect(open(file) != POLYSEM_OK, "a flipped bit", shape);
    file.data()[at] ^= static_cast<unsigned char>(1 << at % 8);
  }
  const auto with = [&model](auto change) {
    FileWriter writer = model.writer();
    change(writer.header);
    return open(writer.write());
  };
  for (const std::uint32_t count :
       {0u, 0x08000009u, 0x10000009u, 0x40000009u, 0x7fffffffu, 0x80000009u, 0xffffffffu}) {
    expect(
        with([=](FileHeader& h) { h.latents = count, h.source_latents = 0x7fffffff; }) == POLYSEM_BAD_LAYOUT,
        "a count of latents", shape);
    expect(with([=](FileHeader& h) { h.d_in = h.d_out = count; }) == POLYSEM_BAD_LAYOUT, "a width", shape);
  }
  for (const std::uint64_t high : {std::uint64_t{1} << 32, std::uint64_t{1} << 63}) {
    for (const std::size_t field :
         {std::size_t{8}, std::size_t{16}}) {  // offset and bytes of the first section
      std::vector<unsigned char> bytes(file.data(), file.data() + file.size());
      FileHeader head;
      std::memcpy(&head, bytes.data(), sizeof head);
      std::uint64_t value;
      std::memcpy(&value, bytes.data() + sizeof head + field, sizeof value);
      value += high;  // the same in its lower 32 bits
      std::memcpy(bytes.data() + sizeof head + field, &value, sizeof value);
      const auto table = static_cast<std::size_t>(padded(sizeof head + head.section_count * sizeof(Section)));
      expect(open(FileWriter::sign(bytes, head, table)) == POLYSEM_BAD_LAYOUT, "a section beyond 32 bits",
             shape);
      head.file_bytes += high;
      expect(
          open(FileWriter::sign({file.data(), file.data() + file.size()}, head, table)) == POLYSEM_TRUNCATED,
          "a file beyond 32 bits", shape);
    }
  }
}

Shape shape_of(int dtype, int activation) {
  const std::uint32_t widths[] = {33, 64, 100};
  Shape shape;
  shape.d_in = widths[(dtype + activation) % 3], shape.d_out = widths[activation % 3], shape.latents = 50;
  shape.activation = static_cast<polysem_activation>(activation);
  shape.encoder = static_cast<polysem_dtype>(dtype),
  shape.decoder = static_cast<polysem_dtype>((dtype + 1) % 5);
  shape.k = activation == POLYSEM_TOPK ? 6 : 0;
  shape.subtract = activation % 2 == 0, shape.skip = activation == POLYSEM_JUMPRELU;
  if (shape.subtract) shape.d_out = shape.d_in;
  shape.input_scale = 0.75f, shape.output_scale = 1.5f;
  return shape;
}

int run() {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  const bool refused = open(Aligned(256)) == POLYSEM_BIG_ENDIAN;
  std::printf("big-endian: %s\n", refused ? "refused" : "FAILED: not refused");
  return refused ? 0 : 1;
#endif
  Hash hash;
  for (int dtype = POLYSEM_F32; dtype <= POLYSEM_INT4; ++dtype)
    for (int activation = POLYSEM_RELU; activation <= POLYSEM_GATED; ++activation) {
      const TestModel model = make_model(shape_of(dtype, activation));
      check_coder(model, hash);
      check_monitor(model, hash);
    }
  check_memory();
  check_bad_files();
  std::printf("bits: 0x%08lx%08lx\n", static_cast<unsigned long>(hash.value() >> 32),
              static_cast<unsigned long>(hash.value() & 0xffffffff));
  if (hash.value() != kBits) {
    std::printf("FAILED: the bits should be 0x%08lx%08lx\n", static_cast<unsigned long>(kBits >> 32),
                static_cast<unsigned long>(kBits & 0xffffffff));
    ++failures;
  }
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace polysem::core::testing

int main() { return polysem::core::testing::run(); }
