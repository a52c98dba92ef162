#include "polysem/npy.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::le;
using test::put;
using test::TemporaryFolder;

/// An array as NumPy's documentation lays it out, version 1.
std::string array_of(const std::string& literal, const std::string& data) {
  return std::string("\x93NUMPY\x01\x00", 8) + le(static_cast<std::uint16_t>(literal.size())) + literal +
         data;
}

std::string described(const std::string& descr, const std::string& shape, const std::string& data,
                      const std::string& fortran = "False") {
  return array_of("{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n",
                  data);
}

template <class T>
std::string numbers(std::initializer_list<T> values) {
  std::string data;
  for (const T value : values) data += le(value);
  return data;
}

NpyArray read(const std::string& bytes) {
  auto owner = std::make_shared<std::string>(bytes);
  return {std::as_bytes(std::span(*owner)), owner, "a.npy"};
}

void refuse(const std::string& bytes, const std::string& part) {
  expect_error(ErrorCode::kBadInput, part, [&] { read(bytes); });
}

TEST(Npy, EveryType) {
  EXPECT_EQ(read(described("<f4", "(2,)", numbers({1.5f, -2.0f}))).to_f32(),
            (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(read(described("<f8", "(1,)", numbers({0.25}))).to_f32(), std::vector<float>{0.25f});
  EXPECT_EQ(read(described("<f2", "(1,)", numbers({std::uint16_t{0x3c00}}))).to_f32(),
            std::vector<float>{1.0f});
  EXPECT_EQ(read(described("<i8", "()", numbers({std::int64_t{-5000000000}}))).to_i64(),
            std::vector<std::int64_t>{-5000000000});
  EXPECT_EQ(read(described("<i4", "(1,)", numbers({-7}))).to_i64(), std::vector<std::int64_t>{-7});
  EXPECT_EQ(read(described("<u4", "(1,)", numbers({4000000000u}))).to_i64(),
            std::vector<std::int64_t>{4000000000});
  EXPECT_EQ(read(described("<i2", "(1,)", numbers({std::int16_t{-300}}))).to_f32(),
            std::vector<float>{-300.0f});
  EXPECT_EQ(read(described("|i1", "(1,)", "\xff")).to_i64(), std::vector<std::int64_t>{-1});
  EXPECT_EQ(read(described("|u1", "(1,)", "\xff")).to_i64(), std::vector<std::int64_t>{255});
  EXPECT_EQ(read(described("|b1", "(2,)", std::string("\x01\x00", 2))).to_i64(),
            (std::vector<std::int64_t>{1, 0}));
  EXPECT_TRUE(read(described("<f4", "(0, 3)", "")).to_f32().empty());
}

TEST(Npy, RowsInBothOrders) {
  // [[0, 1, 2], [3, 4, 5]]
  const auto c = read(described("<f4", "(2, 3)", numbers({0.f, 1.f, 2.f, 3.f, 4.f, 5.f})));
  const auto fortran = read(described("<f4", "(2, 3)", numbers({0.f, 3.f, 1.f, 4.f, 2.f, 5.f}), "True"));
  for (const auto& array : {c, fortran}) {
    EXPECT_EQ(array.rows(), 2);
    EXPECT_EQ(array.cols(), 3);
    EXPECT_EQ(array.elements(), 6);
    EXPECT_EQ(array.to_f32(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    std::vector<float> row(3);
    array.read_rows(1, 1, row);
    EXPECT_EQ(row, (std::vector<float>{3, 4, 5}));
    std::vector<float> both(6);
    array.read_rows(0, 2, both);
    EXPECT_EQ(both, array.to_f32());
    expect_error(ErrorCode::kInvalidArgument, "rows 1 to 3 of 2", [&] { array.read_rows(1, 2, both); });
    expect_error(ErrorCode::kInvalidArgument, "another size", [&] { array.read_rows(0, 2, row); });
  }
  // Fortran order of three dimensions: element [i][j][k] of shape (2, 2, 2) is stored at i + 2 j + 4 k.
  const auto cube = read(described("<i4", "(2, 2, 2)", numbers({0, 1, 2, 3, 4, 5, 6, 7}), "True"));
  EXPECT_EQ(cube.to_i64(), (std::vector<std::int64_t>{0, 4, 2, 6, 1, 5, 3, 7}));
  expect_error(ErrorCode::kBadInput, "expected a matrix [rows, columns], found the shape [2, 2, 2]",
               [&] { static_cast<void>(cube.rows()); });
  expect_error(ErrorCode::kBadInput, "expected integers, found f32", [&] { c.to_i64(); });
}

TEST(Npy, VersionsTwoAndThreeAndOddSpacing) {
  const std::string literal = "{\"shape\":(1,) , 'fortran_order':False,'descr':'<f4'}  \n";
  for (const char version : {'\x02', '\x03'}) {
    const std::string file = std::string("\x93NUMPY") + version + std::string(1, '\0') +
                             le(static_cast<std::uint32_t>(literal.size())) + literal + numbers({2.5f});
    EXPECT_EQ(read(file).to_f32(), std::vector<float>{2.5f});
  }
}

TEST(Npy, RefusesLies) {
  refuse("", "a.npy: offset 0");
  refuse("\x93NUMPX\x01", "not a NumPy array");
  refuse(std::string("\x93NUMPY\x04\x00\x00\x00", 10), "version 4");
  refuse(described("<f4", "(2,)", numbers({1.f})), "the array [2] needs 8 bytes, but only 4 are left");
  refuse(described("<f4", "(1,)", numbers({1.f, 2.f})), "4 bytes follow");
  refuse(described("<f4", "(4294967296, 4294967296)", ""), "too large");
  refuse(described("<f4", "(0, 9223372036854775807)", ""), "too large");
  refuse(described("<f4", "(99999999999999999999,)", ""), "sizes from 0");
  refuse(described("<f4", "(-1,)", ""), "sizes from 0");
  refuse(described("<f4", "5", ""), "expected '('");
  refuse(described(">f4", "(1,)", "abcd"), "big-endian");
  refuse(described("|O", "(1,)", "abcd"), "Python objects");
  refuse(described("<U3", "(1,)", "abcd"), "'<U3' are not supported");
  refuse(described("<c8", "(1,)", "abcdefgh"), "'<c8' are not supported");
  refuse(described("", "(1,)", ""), "are not supported");
  refuse(described("<f4", "(1,)", "abcd", "Maybe"), "True or False");
  refuse(array_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "abcd"), "records");
  refuse(array_of("{'descr': '<f4', 'shape': (1,)}", "abcd"), "missing");
  refuse(array_of("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "abcd"),
         "repeated");
  refuse(array_of("{'descr': '<f4', 'x': 1}", "abcd"), "unexpected or repeated key 'x'");
  refuse(array_of("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", "abcd"), "closing brace");
  refuse(array_of("{'descr", ""), "does not end");
  refuse(array_of("", ""), "expected '{'");
}

TEST(NpyWriter, WritesWhatNumPyWrites) {
  const TemporaryFolder folder;
  const std::vector<std::int64_t> shape = {2, 3};
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  write_npy(folder / "a.npy", shape, values);
  // numpy.save("a.npy", numpy.arange(1, 7, dtype="<f4").reshape(2, 3)) of NumPy 2.4.
  std::string literal = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  literal.append(117 - literal.size(), ' ');
  EXPECT_EQ(read_file(folder / "a.npy"), array_of(literal + "\n", numbers({1.f, 2.f, 3.f, 4.f, 5.f, 6.f})));
  EXPECT_EQ(NpyArray::open(folder / "a.npy").to_f32(), values);
  for (std::int64_t length = 1; length < 1000000000; length *= 7) {
    const std::vector<std::int64_t> any = {0, length};
    write_npy(folder / "b.npy", any, {});
    EXPECT_EQ(read_file(folder / "b.npy").size() % 64, 0u);
    EXPECT_EQ(NpyArray::open(folder / "b.npy").shape(), any);
  }
  const std::vector<std::int64_t> line = {1}, scalar;
  write_npy(folder / "c.npy", line, std::span(values).first(1));
  EXPECT_EQ(NpyArray::open(folder / "c.npy").shape(), line);
  write_npy(folder / "d.npy", scalar, std::span(values).first(1));
  EXPECT_EQ(NpyArray::open(folder / "d.npy").shape(), scalar);
}

TEST(NpyWriter, RefusesMisuse) {
  const TemporaryFolder folder;
  const std::vector<std::int64_t> shape = {2}, impossible = {-2};
  const std::vector<float> values = {1, 2, 3};
  const auto misuse = [](const std::string& part, auto action) {
    expect_error(ErrorCode::kInvalidArgument, part, action);
  };
  misuse("no type for bf16", [&] { NpyWriter(folder / "a", DType::kBF16, shape); });
  misuse("impossible shape", [&] { NpyWriter(folder / "a", DType::kF32, impossible); });
  NpyWriter writer(folder / "a", DType::kF32, shape);
  misuse("more bytes", [&] { writer.write(values); });
  writer.write(std::span(values).first(1));
  misuse("4 bytes of the array are missing", [&] { writer.commit(); });
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

TEST(Npy, SurvivesTruncationAndMutation) {
  const TemporaryFolder folder;
  const auto path = folder / "a.npy";
  const std::string whole = described("<f4", "(2, 3)", numbers({0.f, 1.f, 2.f, 3.f, 4.f, 5.f}), "True");
  const auto open = [&] {
    const auto array = NpyArray::open(path);
    array.to_f32();
  };
  put(path, whole);
  open();
  test::refuse_every_truncation(path, whole, open);
  test::survive_mutations(path, whole, 3000, open);
}

}  // namespace
}  // namespace polysem
