#include "lib/io/json.hpp"

#include <gtest/gtest.h>

#include "polysem/file.hpp"
#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem::io {
namespace {

using test::expect_error;

void refuse(const std::string& text, const std::string& part, const JsonLimits& limits = {}) {
  expect_error(ErrorCode::kBadInput, part, [&] { parse_json(text, "f.json", limits); });
}

TEST(Json, ParsesWhatItFormats) {
  const Json value = {{"b", {1, 2.5, "x", nullptr, true}}, {"a", Json::object()}, {"c", Json::array()}};
  EXPECT_EQ(parse_json(format_json(value), "f"), value);
  EXPECT_EQ(format_json({{"b", 1}, {"a", "\xff"}}), "{\n  \"a\": \"\xef\xbf\xbd\",\n  \"b\": 1\n}\n");
}

TEST(Json, RefusesWithAReason) {
  refuse("", "f.json: offset");
  refuse("{\"a\": 1", "not valid JSON");
  refuse("{\"a\": 1} x", "not valid JSON");
  refuse("{\"a\": \"\xff\"}", "not valid JSON");
  refuse("[1e999]", "not valid JSON");
  refuse("[NaN]", "not valid JSON");
  refuse("{\"a\": 1, \"a\": 2}", "\"a\" occurs twice");
  refuse("[[[[1]]]]", "deeper than 3", {1000, 3});
  refuse("[1, 2, 3]", "more than the 5", {5, 3});
  EXPECT_EQ(parse_json("[[[1]]]", "f", {1000, 3}), Json::parse("[[[1]]]"));
}

TEST(Json, DepthBombIsHarmless) {
  refuse(std::string(1 << 20, '['), "deeper than 64");
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  refuse(objects, "deeper than 64");
}

TEST(JsonView, NamesThePlace) {
  const Json document =
      parse_json(R"({"a": {"b": [1, "x", 2.5, -3, 1e6, 18446744073709551615, true]}, "n": null})", "f.json");
  const JsonView view(document, "f.json");
  const auto list = view.at("a").at("b").elements();
  ASSERT_EQ(list.size(), 7u);
  EXPECT_EQ(list[0].integer(0, 5), 1);
  EXPECT_EQ(list[1].string(), "x");
  EXPECT_EQ(list[2].number(), 2.5);
  EXPECT_EQ(list[3].integer(), -3);
  EXPECT_EQ(list[4].integer(), 1000000);
  EXPECT_TRUE(list[6].boolean());
  EXPECT_FALSE(view.find("n"));
  EXPECT_FALSE(view.find("missing"));
  EXPECT_TRUE(view.find("a"));
  const auto bad = [](const std::string& part, auto action) {
    expect_error(ErrorCode::kBadInput, part, action);
  };
  bad("f.json: a.b[0]: expected a string, found 1", [&] { list[0].string(); });
  bad("a.b[1]: expected an integer from 0 on, found \"x\"", [&] { list[1].integer(0); });
  bad("a.b[2]: expected an integer", [&] { list[2].integer(); });
  bad("a.b[3]: expected an integer from 0 to 9", [&] { list[3].integer(0, 9); });
  bad("a.b[5]: expected an integer", [&] { list[5].integer(); });
  bad("a: the key \"c\" is missing", [&] { view.at("a").at("c"); });
  bad("a.b: expected an object", [&] { view.at("a").at("b").at("c"); });
  bad("a: expected an array", [&] { view.at("a").elements(); });
  bad("a.b[1]: expected a number", [&] { list[1].number(); });
  bad("a.b[1]: expected true or false", [&] { list[1].boolean(); });
}

TEST(Json, FilesRoundTripAndSurviveMutations) {
  const test::TemporaryFolder folder;
  const auto path = folder / "a.json";
  const Json value = {{"schema", "x/1"}, {"rows", 12}, {"list", {{{"a", 1}}, {{"b", "\xc3\xa4"}}}}};
  write_json(path, value);
  EXPECT_EQ(read_json(path), value);
  const std::string whole = read_file(path);
  test::refuse_every_truncation(path, whole.substr(0, whole.size() - 1), [&] { read_json(path); });
  test::survive_mutations(path, whole, 2000, [&] { read_json(path); });
}

}  // namespace
}  // namespace polysem::io
