#include "polysem/core_file.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/dtype.hpp"
#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::TemporaryFolder;

constexpr polysem_dtype kDtypes[] = {POLYSEM_F32, POLYSEM_F16, POLYSEM_BF16, POLYSEM_INT8, POLYSEM_INT4};

/// Widths that are no multiple of the 32 numbers that rows are padded to.
CoreCoder sample(polysem_activation activation) {
  CoreCoder c;
  c.activation = activation;
  c.d_in = c.d_out = 37;
  c.latents = c.source_latents = 11;
  c.k = activation == POLYSEM_TOPK ? 3 : 0;
  c.subtracts_b_dec = true;
  const Random random(7, RandomStream::kData);
  std::uint64_t draw = 0;
  const auto numbers = [&](std::size_t count) {
    std::vector<float> out(count);
    for (float& value : out) value = random.normal(draw++);
    return out;
  };
  c.w_enc = numbers(11 * 37), c.w_dec = numbers(11 * 37), c.b_enc = numbers(11), c.b_dec = numbers(37);
  if (activation == POLYSEM_JUMPRELU || activation == POLYSEM_BATCH_TOPK)
    c.threshold = std::vector<float>(11, 0.25f);
  if (activation == POLYSEM_GATED)
    c.magnitude_scale = std::vector<float>(11, 1.5f), c.magnitude_bias = numbers(11);
  c.source = "some model blocks.1.hook_resid_post";
  return c;
}

/// Most that rounding to the format moves a number of a row whose largest magnitude is `largest`.
double rounding(polysem_dtype dtype, double value, double largest) {
  if (dtype == POLYSEM_F32) return 0;
  if (dtype == POLYSEM_F16) return std::abs(value) / 2048 + 6e-8;
  if (dtype == POLYSEM_BF16) return std::abs(value) / 256;
  if (dtype == POLYSEM_INT8) return largest / 127 / 2 * 1.0001;
  return largest / 2 + largest / 14;  // int4 may cut the largest numbers by half
}

void expect_rows(const std::vector<float>& found, const std::vector<float>& expected, polysem_dtype dtype) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t row = 0; row < 11; ++row) {
    double largest = 0, error = 0, size = 0;
    for (std::size_t j = 0; j < 37; ++j)
      largest = std::max(largest, std::abs(double{expected[row * 37 + j]}));
    for (std::size_t j = 0; j < 37; ++j) {
      const double value = expected[row * 37 + j], off = found[row * 37 + j] - value;
      EXPECT_LE(std::abs(off), rounding(dtype, value, largest)) << name(dtype) << " " << row << " " << j;
      error += off * off, size += value * value;
    }
    // Uniform errors of a step of largest / 7 have a mean square of a twelfth of its square.
    if (dtype == POLYSEM_INT4) {
      EXPECT_LT(error, 37 * largest * largest / 49 / 12 * 1.5);
    }
    if (dtype != POLYSEM_F32) {
      EXPECT_GT(error, 0) << size;
    }
  }
}

TEST(CoreFile, TheCoreReadsWhatIsWritten) {
  const TemporaryFolder folder;
  for (const polysem_activation activation :
       {POLYSEM_RELU, POLYSEM_TOPK, POLYSEM_BATCH_TOPK, POLYSEM_JUMPRELU, POLYSEM_GATED})
    for (const polysem_dtype dtype : kDtypes) {
      SCOPED_TRACE(std::string(name(activation)) + " " + std::string(name(dtype)));
      CoreCoder coder = sample(activation);
      coder.names = std::vector<std::string>(11, "months");
      coder.names[3] = "";
      coder.notes = std::vector<std::string>(11, "a longer text: \xc3\xa4");
      write_core_file(folder / "a.polysem", coder, dtype);
      const CoreModel model(folder / "a.polysem");
      EXPECT_EQ(model.bytes(), std::filesystem::file_size(folder / "a.polysem"));
      EXPECT_EQ(model.get().activation, activation);
      EXPECT_EQ(model.get().encoder_dtype, dtype);
      EXPECT_EQ(model.latent_name(2), "months");
      EXPECT_EQ(model.latent_name(3), "");
      const CoreCoder found = model.coder();
      EXPECT_EQ(found.k, coder.k);
      EXPECT_TRUE(found.subtracts_b_dec);
      EXPECT_EQ(found.b_enc, coder.b_enc);
      EXPECT_EQ(found.b_dec, coder.b_dec);
      EXPECT_EQ(found.threshold, coder.threshold);
      EXPECT_EQ(found.magnitude_scale, coder.magnitude_scale);
      EXPECT_EQ(found.magnitude_bias, coder.magnitude_bias);
      EXPECT_EQ(found.names, coder.names);
      EXPECT_EQ(found.notes, coder.notes);
      EXPECT_EQ(found.source, coder.source);
      expect_rows(found.w_enc, coder.w_enc, dtype);
      expect_rows(found.w_dec, coder.w_dec, dtype);
      // What was rounded once is rounded to itself, but where a scale was cut.
      if (dtype < POLYSEM_INT8) {
        EXPECT_EQ(core_file_bytes(found, dtype), core_file_bytes(coder, dtype));
      }
    }
}

TEST(CoreFile, TranscodersKeepTheirSkipConnection) {
  CoreCoder coder = sample(POLYSEM_RELU);
  coder.subtracts_b_dec = false;
  coder.d_out = 2;
  coder.w_dec.resize(22), coder.b_dec.resize(2);
  coder.skip.assign(74, 0.5f);
  coder.skip[37] = 3.0f;
  coder.input_scale = 2.0f;
  const CoreModel model(core_file_bytes(coder, POLYSEM_INT8), "here");
  EXPECT_EQ(model.coder().skip, coder.skip);
  // All latents of x = 0 and b_enc < 0 are silent: y = output_scale (b_dec + W_skip input_scale x).
  std::fill(coder.b_enc.begin(), coder.b_enc.end(), -1e6f);
  const CoreModel silent(core_file_bytes(coder, POLYSEM_F32), "here");
  const CoreState state(silent);
  std::vector<float> x(37), y(2);
  x[0] = 1;
  ASSERT_EQ(polysem_reconstruct(state.get(), polysem_one(x.data(), 37), polysem_one_out(y.data(), 2)),
            POLYSEM_OK);
  EXPECT_FLOAT_EQ(y[0], coder.b_dec[0] + 1.0f);
  EXPECT_FLOAT_EQ(y[1], coder.b_dec[1] + 6.0f);
}

TEST(CoreFile, SubsetsKeepTheirNumbers) {
  CoreCoder coder = sample(POLYSEM_JUMPRELU);
  coder.names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};
  const std::uint32_t some[] = {1, 4, 10}, fewer[] = {4}, missing[] = {5}, beyond[] = {11};
  const CoreModel model(core_file_bytes(subset_of(coder, some), POLYSEM_F32), "here");
  EXPECT_EQ(model.get().latents, 3u);
  EXPECT_EQ(model.get().source_latents, 11u);
  EXPECT_EQ(model.find(10), 2u);
  EXPECT_EQ(model.source_latent(1), 4u);
  EXPECT_EQ(model.latent_name(2), "10");
  EXPECT_THROW(model.find(5), Error);
  EXPECT_THROW(model.find(-1), Error);
  EXPECT_THROW(model.find(std::int64_t{1} << 40), Error);
  const CoreCoder again = subset_of(model.coder(), fewer);
  EXPECT_EQ(again.w_enc, std::vector<float>(coder.w_enc.begin() + 4 * 37, coder.w_enc.begin() + 5 * 37));
  EXPECT_EQ(again.source_latents, 11u);
  EXPECT_THROW(subset_of(model.coder(), missing), Error);
  EXPECT_THROW(subset_of(coder, beyond), Error);
  EXPECT_THROW(subset_of(sample(POLYSEM_TOPK), some), Error);
}

TEST(CoreFile, RefusesWhatTheCoreWouldNotRead) {
  const auto refuses = [](const char* what, const std::function<void(CoreCoder&)>& spoil,
                          polysem_activation activation = POLYSEM_JUMPRELU,
                          polysem_dtype dtype = POLYSEM_F32) {
    CoreCoder coder = sample(activation);
    spoil(coder);
    EXPECT_THROW(core_file_bytes(coder, dtype), Error) << what;
  };
  refuses("width 0", [](CoreCoder& c) { c.d_in = 0; });
  refuses("too few weights", [](CoreCoder& c) { c.w_enc.pop_back(); });
  refuses("NaN", [](CoreCoder& c) { c.w_dec[5] = NAN; });
  refuses("an infinite threshold", [](CoreCoder& c) { c.threshold[0] = INFINITY; });
  refuses("no threshold", [](CoreCoder& c) { c.threshold.clear(); });
  refuses(
      "k beyond the latents", [](CoreCoder& c) { c.k = 12; }, POLYSEM_TOPK);
  refuses("a scale of 0", [](CoreCoder& c) { c.input_scale = 0; });
  refuses("numbers that do not ascend", [](CoreCoder& c) { c.latent_ids.assign(11, 3); });
  refuses("names for some", [](CoreCoder& c) { c.names.resize(3); });
  refuses(
      "beyond f16", [](CoreCoder& c) { c.w_enc[0] = 1e5f; }, POLYSEM_RELU, POLYSEM_F16);
  EXPECT_THROW(core_dtype_named("int3"), Error);
  // A ReLU before the jump makes a negative threshold zero.
  CoreCoder coder = sample(POLYSEM_JUMPRELU);
  coder.threshold[2] = -1;
  EXPECT_EQ(CoreModel(core_file_bytes(coder, POLYSEM_F32), "here").coder().threshold[2], 0.0f);
}

TEST(CoreFile, SurvivesDamage) {
  const TemporaryFolder folder;
  const auto path = folder / "a.polysem";
  CoreCoder coder = sample(POLYSEM_JUMPRELU);
  coder.names = std::vector<std::string>(11, "n");
  const auto bytes = core_file_bytes(subset_of(coder, std::vector<std::uint32_t>{0, 5}), POLYSEM_INT4);
  const std::string whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  test::put(path, whole);
  const auto read = [&] { return CoreModel(path).coder(); };
  test::refuse_every_truncation(path, whole, read);
  // Every byte is under a checksum, so that a changed one never passes for a weight.
  for (std::size_t i = 0; i < whole.size(); i += 7) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    test::put(path, damaged);
    EXPECT_THROW(read(), Error) << i;
  }
  EXPECT_THROW(CoreModel(folder / "nothing.polysem"), Error);
}

}  // namespace
}  // namespace polysem
