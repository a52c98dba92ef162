#include "polysem/gguf.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "polysem/error.hpp"
#include "tests/support/gguf_writer.hpp"

namespace polysem {
namespace {

using test::GgufWriter;
using Bytes = std::vector<std::byte>;

Bytes floats(const std::vector<float>& values) {
  Bytes out;
  for (const float v : values) GgufWriter::put(out, v);
  return out;
}

GgufWriter small_file() {
  GgufWriter writer;
  writer.text("general.architecture", "llama")
      .scalar<std::uint32_t>("n", 7)
      .scalar("f", 0.5f)
      .scalar("yes", true);
  writer.scalar<std::int8_t>("minus", -3)
      .scalar<std::uint64_t>("large", std::numeric_limits<std::uint64_t>::max());
  writer.texts("words", {"one", "", "three"}).integers("list", {4, -5, 6});
  writer.tensor("a", {2, 3}, 0, floats({1, 2, 3, 4, 5, 6})).tensor("b", {4}, 0, floats({7, 8, 9, 10}));
  return writer;
}

// The message of the error that reading these bytes gives, or "" for none.
std::string complaint(const Bytes& bytes) {
  try {
    GgufFile::parse(bytes, "x.gguf");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput);
    return error.what();
  }
  return "";
}

template <class F>
std::string complaint_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Gguf, ReadsValuesOfEveryKind) {
  const Bytes bytes = small_file().finish();
  const GgufFile file = GgufFile::parse(bytes, "x.gguf");
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.unsigned_integer("n"), 7u);
  EXPECT_EQ(file.unsigned_integer("absent", 9), 9u);
  EXPECT_EQ(file.unsigned_integer("large"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(file.number("f"), 0.5);
  EXPECT_EQ(file.number("minus"), -3.0);
  EXPECT_TRUE(file.boolean("yes", false));
  EXPECT_TRUE(file.boolean("absent", true));
  EXPECT_EQ(file.texts("words"), (std::vector<std::string_view>{"one", "", "three"}));
  EXPECT_EQ(file.integers("list"), (std::vector<std::int64_t>{4, -5, 6}));
  EXPECT_EQ(file.describe("list"), "[4, -5, 6]");
  EXPECT_EQ(file.describe("minus"), "-3");
}

TEST(Gguf, ReadsTensors) {
  for (const std::uint32_t version : {2u, 3u}) {
    const Bytes bytes = small_file().finish(version);
    const GgufFile file = GgufFile::parse(bytes, "x.gguf");
    const std::int64_t shape[] = {2, 3};
    const GgufTensor& a = file.tensor("a", shape);
    std::vector<float> row(2);
    file.dequantize(a, 1, 1, row);
    EXPECT_EQ(row, (std::vector<float>{3, 4}));
    std::vector<float> b(4);
    file.dequantize(*file.find("b"), 0, 1, b);
    EXPECT_EQ(b, (std::vector<float>{7, 8, 9, 10}));
    EXPECT_EQ(file.find("c"), nullptr);
  }
}

TEST(Gguf, ErrorsNameFileKeyExpectedAndFound) {
  const Bytes bytes = small_file().finish();
  const GgufFile file = GgufFile::parse(bytes, "x.gguf");
  const std::string wrong = complaint_of([&] { file.unsigned_integer("general.architecture"); });
  EXPECT_TRUE(has(wrong, "x.gguf") && has(wrong, "general.architecture") && has(wrong, "integer") &&
              has(wrong, "string llama"))
      << wrong;
  EXPECT_TRUE(has(complaint_of([&] { file.number("nothing"); }), "key nothing is missing"));
  EXPECT_TRUE(has(complaint_of([&] { file.unsigned_integer("minus"); }), "i8 -3"));
  EXPECT_TRUE(has(complaint_of([&] { file.integers("words"); }), "array of string"));
  EXPECT_TRUE(has(complaint_of([&] { file.boolean("n", true); }), "u32 7"));
  const std::int64_t shape[] = {2, 4};
  const std::string misfit = complaint_of([&] { file.tensor("a", shape); });
  EXPECT_TRUE(has(misfit, "tensor a") && has(misfit, "2 x 4") && has(misfit, "2 x 3")) << misfit;
  std::vector<float> row(2);
  EXPECT_TRUE(has(complaint_of([&] { file.dequantize(*file.find("a"), 3, 1, row); }), "has 3"));
}

TEST(Gguf, UnknownTensorTypeMattersOnlyWhenAskedFor) {
  const Bytes bytes =
      GgufWriter().tensor("odd", {32}, 77, Bytes(40)).tensor("q5", {32}, 6, Bytes(22)).finish();
  const GgufFile file = GgufFile::parse(bytes, "x.gguf");
  std::vector<float> row(32);
  EXPECT_TRUE(has(complaint_of([&] { file.dequantize(*file.find("odd"), 0, 1, row); }), "type 77"));
  EXPECT_TRUE(has(complaint_of([&] { file.dequantize(*file.find("q5"), 0, 1, row); }), "Q5_0"));
}

TEST(Gguf, RefusesEveryTruncation) {
  const Bytes whole = small_file().finish();
  ASSERT_EQ(complaint(whole), "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A vector of its own, so that a read past the end is seen by the address sanitizer.
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(complaint(part), "") << size << " bytes of " << whole.size();
  }
}

// Whatever a flipped bit makes of the file, reading ends in values or in an Error.
TEST(Gguf, SurvivesEveryFlippedBit) {
  const Bytes whole = small_file().finish();
  int refused = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes damaged = whole;
    damaged[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    try {
      const GgufFile file = GgufFile::parse(damaged, "x.gguf");
      for (const auto& [key, value] : file.metadata()) file.describe(key);
      for (const GgufTensor& t : file.tensors()) {
        std::vector<float> row(static_cast<std::size_t>(t.cols()));
        file.dequantize(t, t.rows() - 1, 1, row);
      }
      file.texts("words");
      file.integers("list");
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

TEST(Gguf, RefusesLyingCounts) {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;
  Bytes header = small_file().finish();
  std::memcpy(header.data() + 8, &kHuge, 8);
  EXPECT_TRUE(has(complaint(header), "more than the file can hold"));
  header = small_file().finish();
  std::memcpy(header.data() + 16, &kHuge, 8);
  EXPECT_TRUE(has(complaint(header), "more than the file can hold"));

  const auto array_of = [](std::uint32_t element, std::uint64_t count) {
    Bytes value;
    GgufWriter::put(value, std::uint32_t{9});
    GgufWriter::put(value, element);
    GgufWriter::put(value, count);
    return value;
  };
  EXPECT_TRUE(has(complaint(GgufWriter().raw("k", array_of(4, kHuge)).finish()), "does not fit"));
  EXPECT_TRUE(has(complaint(GgufWriter().raw("k", array_of(8, kHuge)).finish()), "does not fit"));
  EXPECT_TRUE(has(complaint(GgufWriter().raw("k", array_of(13, 1)).finish()), "value type 13"));

  Bytes deep;
  GgufWriter::put(deep, std::uint32_t{9});
  for (int i = 0; i < 1000; ++i) {
    GgufWriter::put(deep, std::uint32_t{9});
    GgufWriter::put(deep, std::uint64_t{1});
  }
  EXPECT_TRUE(has(complaint(GgufWriter().raw("k", deep).finish()), "nest"));
}

TEST(Gguf, RefusesLyingTensors) {
  const Bytes data = floats(std::vector<float>(32));
  const auto said = [&](const std::vector<std::uint64_t>& shape, std::uint32_t type, std::uint64_t offset) {
    return complaint(GgufWriter().tensor_at("t", shape, type, offset, data).finish());
  };
  EXPECT_EQ(said({32}, 0, 0), "");
  EXPECT_TRUE(has(said({33}, 0, 0), "cut short"));
  EXPECT_TRUE(has(said({32}, 0, 32), "cut short"));
  EXPECT_TRUE(has(said({8}, 0, 4), "alignment"));
  EXPECT_TRUE(has(said({8}, 0, std::uint64_t{1} << 63), "past the end"));
  EXPECT_TRUE(has(said({}, 0, 0), "dimensions"));
  EXPECT_TRUE(has(said({1, 1, 1, 1, 1}, 0, 0), "dimensions"));
  EXPECT_TRUE(has(said({0}, 0, 0), "zero"));
  EXPECT_TRUE(has(said({std::uint64_t{1} << 40, std::uint64_t{1} << 40}, 0, 0), "too large"));
  EXPECT_TRUE(has(said({std::uint64_t{1} << 61}, 0, 0), "cut short"));
  EXPECT_TRUE(has(said({31}, 8, 0), "whole number"));
}

TEST(Gguf, RefusesDuplicatesOverlapAndBadAlignment) {
  const Bytes data = floats({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_TRUE(has(complaint(GgufWriter().text("k", "a").text("k", "b").finish()), "occurs twice"));
  EXPECT_TRUE(has(complaint(GgufWriter().tensor("t", {8}, 0, data).tensor("t", {8}, 0, data).finish()),
                  "occurs twice"));
  EXPECT_TRUE(
      has(complaint(GgufWriter().tensor("t", {16}, 0, data).tensor("u", {8}, 0, data).finish()), "overlap"));
  EXPECT_TRUE(
      has(complaint(GgufWriter().scalar<std::uint32_t>("general.alignment", 0).finish()), "power of two"));
  EXPECT_TRUE(
      has(complaint(GgufWriter().scalar<std::uint32_t>("general.alignment", 24).finish()), "power of two"));
  EXPECT_TRUE(has(complaint(GgufWriter().text("", "b").finish()), "a key has 0 bytes"));
}

TEST(Gguf, RefusesOtherFiles) {
  EXPECT_TRUE(has(complaint(GgufWriter().finish(1)), "version 1"));
  EXPECT_TRUE(has(complaint(GgufWriter().finish(0x03000000)), "big-endian"));
  EXPECT_TRUE(has(complaint(Bytes(64)), "no GGUF file"));
}

}  // namespace
}  // namespace polysem
