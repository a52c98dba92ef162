#include "polysem/safetensors.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::le;
using test::put;
using test::TemporaryFolder;

/// A file from its header and data, byte by byte.
std::string file_of(const std::string& header, const std::string& data) {
  return le(std::uint64_t{header.size()}) + header + data;
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& data,
                std::size_t end) {
  return file_of("{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[0," +
                     std::to_string(end) + "]}}",
                 data);
}

void refuse(const std::string& bytes, const std::string& part) {
  const TemporaryFolder folder;
  put(folder / "f.safetensors", bytes);
  expect_error(ErrorCode::kBadInput, part, [&] { Safetensors file(folder / "f.safetensors"); });
}

TEST(Safetensors, ReadsAFileBuiltByHand) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("h":{"dtype":"F16","shape":[2],"data_offsets":[16,20]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[20,24]},)"
      R"("d":{"dtype":"F64","shape":[],"data_offsets":[24,32]},"i":{"dtype":"I32","shape":[2],"data_offsets":[32,40]},)"
      R"("e":{"dtype":"F32","shape":[0,3],"data_offsets":[40,40]},"q":{"dtype":"F8_E8M0","shape":[3],"data_offsets":[40,43]}})";
  std::string data = le(1.5f) + le(-2.0f) + le(0.0f) + le(3.0f);
  data += le(std::uint16_t{0x3c00}) + le(std::uint16_t{0xc000}) + le(std::uint16_t{0x3f80}) +
          le(std::uint16_t{0xc040});
  data += le(0.25) + le(std::int32_t{7}) + le(std::int32_t{-9}) + "abc";
  put(folder / "f", file_of(header, data));
  const Safetensors file(folder / "f");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.names(), (std::vector<std::string>{"b", "d", "e", "h", "i", "q", "x"}));
  EXPECT_EQ(file.tensor("x").shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(file.tensor("x").elements(), 4);
  EXPECT_EQ(file.read_f32("x"), (std::vector<float>{1.5f, -2.0f, 0.0f, 3.0f}));
  EXPECT_EQ(file.read_f32("h"), (std::vector<float>{1.0f, -2.0f}));
  EXPECT_EQ(file.read_f32("b"), (std::vector<float>{1.0f, -3.0f}));
  EXPECT_EQ(file.read_f32("d"), (std::vector<float>{0.25f}));
  EXPECT_TRUE(file.read_f32("e").empty());
  EXPECT_EQ(file.read_i32("i"), (std::vector<std::int32_t>{7, -9}));
  EXPECT_EQ(file.read_i64("i"), (std::vector<std::int64_t>{7, -9}));
  const std::vector<std::int64_t> square{2, 2}, flat{4};
  EXPECT_EQ(file.read_f32("x", square).size(), 4u);
  const auto bad = [](const std::string& part, auto action) {
    expect_error(ErrorCode::kBadInput, part, action);
  };
  bad("x: expected the shape [4], found [2, 2]", [&] { file.read_f32("x", flat); });
  bad("q: the element type F8_E8M0", [&] { file.tensor("q"); });
  bad("\"zz\" is missing", [&] { file.tensor("zz"); });
  bad("i: expected floating-point", [&] { file.read_f32("i"); });
  bad("x: expected integers", [&] { file.read_i64("x"); });
}

TEST(Safetensors, EveryIntegerType) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& dtype, const std::string& data) {
    put(folder / "f", one(dtype, "[1]", data, data.size()));
    return Safetensors(folder / "f").read_i64("a").at(0);
  };
  EXPECT_EQ(read("I8", le(std::int8_t{-5})), -5);
  EXPECT_EQ(read("U8", le(std::uint8_t{250})), 250);
  EXPECT_EQ(read("BOOL", le(std::uint8_t{1})), 1);
  EXPECT_EQ(read("I16", le(std::int16_t{-300})), -300);
  EXPECT_EQ(read("U32", le(std::uint32_t{4000000000u})), 4000000000);
  EXPECT_EQ(read("I64", le(std::int64_t{-5000000000})), -5000000000);
  expect_error(ErrorCode::kBadInput, "does not fit into 32 bits",
               [&] { Safetensors(folder / "f").read_i32("a"); });
}

TEST(Safetensors, RefusesLies) {
  refuse("", "the header's length needs 8 bytes");
  refuse(le(std::uint64_t{1} << 62) + "{}", "not a safetensors file");
  refuse(le(std::uint64_t{100}) + "{}", "the header needs 100 bytes");
  refuse(file_of("[]", ""), "not a JSON object");
  refuse(file_of("{", ""), "not valid JSON");
  refuse(one("F32", "[2]", std::string(4, 0), 4), "a: data_offsets span 4 bytes");
  refuse(one("F32", "[-1]", "", 0), "expected an integer from 0");
  refuse(one("F32", "[4294967296,4294967296]", "", 0), "too large");
  refuse(one("F32", "[4611686018427387904]", "", 0), "data_offsets span");
  refuse(one("F32", "[0,4611686018427387904,8]", "", 0), "too large");
  refuse(one("F32", "[1]", "abc", 4), "lie outside the 3 bytes");
  refuse(one("F32", "[1]", "abcde", 4), "1 bytes follow that belong to no tensor");
  refuse(one("F32", "\"x\"", "", 0), "a.shape: expected an array");
  refuse(file_of(R"({"a":{"dtype":"F32","shape":[]}})", ""), "data_offsets");
  refuse(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1]}})", ""), "two numbers");
  refuse(file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[2,1]}})", "xx"), "lie outside");
  refuse(file_of(R"({"__metadata__":{"a":1}})", ""), "__metadata__.a: expected a string");
  refuse(file_of(R"({"__metadata__":[1]})", ""), "__metadata__: expected an object");
  refuse(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                 R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                 "xx"),
         "occurs twice");
}

TEST(Safetensors, RefusesOverlapAndGaps) {
  const auto two = [](int begin, int end) {
    return file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[)" +
                       std::to_string(end - begin) + R"(],"data_offsets":[)" + std::to_string(begin) + "," +
                       std::to_string(end) + "]}}",
                   "abcd");
  };
  const TemporaryFolder folder;
  put(folder / "f", two(2, 4));
  EXPECT_EQ(Safetensors(folder / "f").names().size(), 2u);
  refuse(two(1, 4), "overlap or leave a gap");
  refuse(two(3, 4), "overlap or leave a gap");
}

TEST(SafetensorsWriter, RoundTripInAnyOrder) {
  const TemporaryFolder folder;
  const auto path = folder / "f.safetensors";
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> offsets = {0, 3};
  const std::vector<std::uint16_t> half = {to_bf16(0.5f)};
  const auto write = [&] {
    SafetensorsWriter writer(path,
                             {{"x", DType::kF32, {2, 3}},
                              {"half", DType::kBF16, {1}},
                              {"offsets", DType::kI64, {2}},
                              {"empty", DType::kF32, {0}}},
                             {{"source", "bad byte \xff"}});
    writer.write("half", std::span<const std::uint16_t>(half));
    writer.write("x", std::span<const float>(x).first(2));
    writer.write("offsets", std::span<const std::int64_t>(offsets));
    writer.write("x", std::span<const float>(x).subspan(2));
    writer.commit();
  };
  write();
  const std::string first = read_file(path);
  {
    const Safetensors file(path);
    EXPECT_EQ(file.read_f32("x"), x);
    EXPECT_EQ(file.read_f32("half"), std::vector<float>{0.5f});
    EXPECT_EQ(file.read_i64("offsets"), offsets);
    EXPECT_TRUE(file.read_f32("empty").empty());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.tensor("offsets").bytes.data()) % 8, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.tensor("x").bytes.data()) % 4, 0u);
  }
  write();
  EXPECT_EQ(read_file(path), first);
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(SafetensorsWriter, RefusesMisuse) {
  const TemporaryFolder folder;
  const auto path = folder / "f";
  const std::vector<float> three = {1, 2, 3};
  const auto misuse = [](const std::string& part, auto action) {
    expect_error(ErrorCode::kInvalidArgument, part, action);
  };
  misuse("twice", [&] { SafetensorsWriter(path, {{"a", DType::kF32, {1}}, {"a", DType::kF32, {1}}}); });
  misuse("impossible shape", [&] { SafetensorsWriter(path, {{"a", DType::kF32, {-1}}}); });
  SafetensorsWriter writer(path, {{"a", DType::kF32, {2}}});
  misuse("not declared", [&] { writer.write("b", std::span<const float>(three)); });
  misuse("more bytes", [&] { writer.write("a", std::span<const float>(three)); });
  misuse("8 bytes were not written", [&] { writer.commit(); });
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Safetensors, SurvivesTruncationAndMutation) {
  const TemporaryFolder folder;
  const auto path = folder / "f";
  const std::vector<float> x = {1, 2, 3, 4};
  SafetensorsWriter writer(path, {{"x", DType::kF32, {2, 2}}, {"y", DType::kI32, {1}}}, {{"k", "v"}});
  writer.write("x", std::span<const float>(x));
  writer.write("y", std::span<const float>(x).first(1));
  writer.commit();
  const std::string whole = read_file(path);
  const auto read = [&] {
    const Safetensors file(path);
    for (const auto& name : file.names()) file.tensor(name);
    file.read_f32("x");
    file.read_i32("y");
  };
  read();
  test::refuse_every_truncation(path, whole, read);
  test::survive_mutations(path, whole, 3000, read);
}

}  // namespace
}  // namespace polysem
