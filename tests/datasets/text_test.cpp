#include "polysem/text.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "polysem/error.hpp"

namespace fs = std::filesystem;
using namespace std::string_literals;
using polysem::Error;
using polysem::ErrorCode;
using polysem::TextDocument;
using polysem::TextReader;
using polysem::TextSplit;

namespace {

class Text : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("polysem_text_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view bytes) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

  static std::vector<TextDocument> read(std::vector<std::string> paths, TextSplit split = TextSplit::kAll) {
    TextReader reader(std::move(paths), split);
    std::vector<TextDocument> documents;
    while (auto document = reader.next()) documents.push_back(std::move(*document));
    return documents;
  }

  std::string read_one(std::string_view bytes) {
    const auto documents = read({write("one.txt", bytes)});
    return documents.size() == 1 ? documents.front().text : "not one document";
  }

  /// The message of the kBadInput that reading must end in.
  static std::string problem(std::vector<std::string> paths, TextSplit split = TextSplit::kAll) {
    try {
      read(std::move(paths), split);
    } catch (const Error& error) {
      return error.code() == ErrorCode::kBadInput ? error.what() : "another code: "s + error.what();
    }
    return "no error";
  }

  std::string json_problem(std::string_view bytes) { return problem({write("bad.jsonl", bytes)}); }

  fs::path folder_;
};

testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << text << "\" does not contain \"" << part << '"';
}

// "é€😀" in UTF-8, UTF-16 little-endian and big-endian, as Python's str.encode gives them.
const std::string kUtf8 = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
const std::string kLittle = "\xe9\x00\xac\x20\x3d\xd8\x00\xde"s;
const std::string kBig = "\x00\xe9\x20\xac\xd8\x3d\xde\x00"s;

TEST_F(Text, Encodings) {
  EXPECT_EQ(read_one(kUtf8), kUtf8);
  EXPECT_EQ(read_one("\xef\xbb\xbf" + kUtf8), kUtf8);
  EXPECT_EQ(read_one("\xff\xfe" + kLittle), kUtf8);
  EXPECT_EQ(read_one("\xfe\xff" + kBig), kUtf8);
  EXPECT_EQ(read_one("caf\xe9 \xff\xfe"), "caf\xe9 \xff\xfe");  // Latin-1 and no encoding at all
  EXPECT_EQ(read_one("\r\n"), "\r\n");
}

TEST_F(Text, DamagedUtf16BecomesReplacementCharacters) {
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(read_one("\xff\xfe\x61\x00\x62"s), "a" + replaced);      // half a unit at the end
  EXPECT_EQ(read_one("\xff\xfe\x3d\xd8\x61\x00"s), replaced + "a");  // high surrogate alone
  EXPECT_EQ(read_one("\xff\xfe\x00\xde\x61\x00"s), replaced + "a");  // low surrogate alone
  EXPECT_EQ(read_one("\xff\xfe\x61\x00\x3d\xd8"s), "a" + replaced);  // high surrogate at the end
  EXPECT_EQ(read_one("\xff\xfe\x3d\xd8\x3d\xd8\x00\xde"s), replaced + kUtf8.substr(5));  // two high, one low
}

TEST_F(Text, SurrogatePairsAcrossBlocks) {
  for (const int shift : {0, 1}) {
    std::string bytes = "\xff\xfe", expected;
    for (int i = 0; i < shift; ++i) bytes += "a\0"s, expected += "a";
    for (int i = 0; i < 40000; ++i) bytes += kLittle.substr(4), expected += kUtf8.substr(5);
    EXPECT_EQ(read_one(bytes), expected);
  }
}

TEST_F(Text, JsonLines) {
  const auto documents = read({write(
      "d/set.jsonl",
      "\xef\xbb\xbf{\"text\": \"one \\u00e9\", \"name\": \"n1\", \"label\": \"l\", \"source\": \"s\"}\r\n"
      "\n"
      "{\"other\": [{\"text\": 5}], \"label\": 7, \"source\": null, \"text\": \"two\"}\n"
      "{\"text\": \"\"}\n"
      "{\"text\": \"last\"}")});
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[0].text, "one \xc3\xa9");
  EXPECT_EQ(documents[0].name, "n1");
  EXPECT_EQ(documents[0].label, "l");
  EXPECT_EQ(documents[0].source, "s");
  EXPECT_EQ(documents[1].text, "two");
  EXPECT_EQ(documents[1].name, "set.jsonl:3");
  EXPECT_EQ(documents[1].label, "7");
  EXPECT_EQ(documents[1].source, (folder_ / "d/set.jsonl").string());
  EXPECT_EQ(documents[2].name, "set.jsonl:5");
  EXPECT_EQ(documents[2].label, "d");
}

TEST_F(Text, HostileJsonLines) {
  EXPECT_TRUE(
      contains(json_problem("{\"text\": \"a\"}\n{\"text\": \"cut o"), "bad.jsonl:2: not valid JSON at byte"));
  EXPECT_TRUE(contains(json_problem("{\"text\": \"caf\xe9\"}"), "bad.jsonl:1: not valid JSON at byte"));
  EXPECT_TRUE(contains(json_problem("{\"text\": \"\\ud83d\"}"), "bad.jsonl:1: not valid JSON at byte"));
  EXPECT_TRUE(contains(json_problem("{\"text\": \"a\"} x"), "bad.jsonl:1: not valid JSON at byte"));
  EXPECT_TRUE(contains(json_problem("plain text"), "bad.jsonl:1: not valid JSON at byte"));
  EXPECT_TRUE(contains(json_problem("\n\n{\"txt\": \"a\"}"), "bad.jsonl:3: the object has no key \"text\""));
  EXPECT_TRUE(contains(json_problem("{\"a\": {\"text\": \"a\"}}"), "has no key \"text\""));
  EXPECT_TRUE(contains(json_problem("{\"text\": null}"), "\"text\" must be a string, found null"));
  EXPECT_TRUE(contains(json_problem("{\"text\": 5}"), "\"text\" must be a string, found a number"));
  EXPECT_TRUE(contains(json_problem("{\"text\": [\"a\"]}"), "\"text\" must be a string, found an array"));
  EXPECT_TRUE(contains(json_problem("{\"text\": \"a\", \"label\": {}}"), "\"label\" must be a string"));
  EXPECT_TRUE(contains(json_problem("[1]"), "expected an object with the key \"text\", found an array"));
  EXPECT_TRUE(contains(json_problem("\"a\""), "expected an object with the key \"text\", found a string"));
  EXPECT_TRUE(contains(json_problem(std::string(200000, '[')), "found an array"));
  EXPECT_TRUE(contains(json_problem("{\"a\":" + std::string(200000, '[')), "not valid JSON at byte"));
}

TEST_F(Text, HugeJsonLineIsRefused) {
  const std::string line = "{\"text\": \"" + std::string(65 << 20, 'a') + "\"}\n";
  EXPECT_TRUE(
      contains(json_problem("{\"text\": \"a\"}\n" + line), "bad.jsonl:2: the line is longer than 64 MiB"));
}

TEST_F(Text, Folders) {
  write("root/b.txt", "b");
  write("root/a/2.txt", "a2");
  write("root/a/10.md", "a10");
  write("root/c/set.jsonl", "{\"text\": \"j1\"}\n{\"text\": \"j2\", \"label\": \"x\"}\n");
  write("root/c/picture.png", "\x89PNG\x00\x00"s);
  write("root/.git/config", "hidden");
  write("root/empty.txt", "");
  fs::create_directory_symlink(folder_ / "root", folder_ / "root/a/loop");
  fs::create_symlink(folder_ / "nowhere", folder_ / "root/dangling");

  TextReader reader({(folder_ / "root").string()});
  std::vector<std::string> seen;
  while (auto d = reader.next()) seen.push_back(d->name + "|" + d->label + "|" + d->text);
  EXPECT_EQ(seen, (std::vector<std::string>{"a/10.md|a|a10", "a/2.txt|a|a2", "b.txt|root|b",
                                            "c/set.jsonl:1|c|j1", "c/set.jsonl:2|x|j2"}));
  EXPECT_EQ(reader.counts().documents, 5u);
  EXPECT_EQ(reader.counts().bytes, 10u);
  EXPECT_EQ(reader.counts().skipped_binary, 1u);
}

TEST_F(Text, NamesDoNotDependOnWhereTheFolderIs) {
  write("x/f/a.txt", "a");
  write("y/z/f/a.txt", "a");
  EXPECT_EQ(read({(folder_ / "x/f").string()})[0].name, read({(folder_ / "y/z/f/").string()})[0].name);
  EXPECT_EQ(read({(folder_ / "x/f/").string()})[0].label, "f");
}

TEST_F(Text, LargeFilesAreCutAtLineEnds) {
  std::string corpus;
  for (int i = 0; corpus.size() <= 3u << 20; ++i) corpus += "line " + std::to_string(i) + "\n";
  const auto documents = read({write("corpus.txt", corpus)});
  ASSERT_GT(documents.size(), 40u);
  std::string joined;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    EXPECT_EQ(documents[i].name, "corpus.txt#" + std::to_string(i + 1));
    EXPECT_LE(documents[i].text.size(), 65536u);
    EXPECT_EQ(documents[i].text.back(), '\n');
    joined += documents[i].text;
  }
  EXPECT_EQ(joined, corpus);
  EXPECT_EQ(read({write("limit.txt", std::string(1 << 20, 'a'))}).size(), 1u);
}

TEST_F(Text, LargeFilesWithoutLinesAreCutBetweenCharacters) {
  std::string corpus = "a";
  while (corpus.size() <= 1u << 20) corpus += "\xe2\x82\xac";
  std::string joined;
  for (const TextDocument& document : read({write("corpus.txt", corpus)})) {
    EXPECT_NE(static_cast<unsigned char>(document.text.front()) & 0xC0, 0x80);
    joined += document.text;
  }
  EXPECT_EQ(joined, corpus);
}

// Remainders modulo 10 of the first 16 hexadecimal digits that `printf NAME | sha256sum` prints, by Perl's
// bigint.
TEST_F(Text, SplitIsStable) {
  const std::map<std::string, int> remainders = {
      {"a", 0},     {"b", 6},     {"", 2},      {"perl/perlre", 5}, {"fiction/emma/01", 6},
      {"doc-0", 4}, {"doc-1", 1}, {"doc-6", 9}, {"doc-14", 6}};
  for (const auto& [name, remainder] : remainders)
    EXPECT_EQ(polysem::is_held_out(name), remainder == 0) << name;
}

TEST_F(Text, SplitsPartition) {
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "{\"text\": \"t" + std::to_string(i) + "\"}\n";
  const std::string path = write("many.jsonl", lines);
  const auto train = read({path}, TextSplit::kTrain);
  TextReader reader({path}, TextSplit::kHeldOut);
  std::size_t held = 0;
  while (auto document = reader.next()) held += polysem::is_held_out(document->name) ? 1 : 0;
  EXPECT_EQ(train.size() + held, 1000u);
  EXPECT_EQ(reader.counts().other_split, train.size());
  EXPECT_GT(held, 60u);  // 100 expected, standard deviation 9.5
  EXPECT_LT(held, 140u);
  EXPECT_EQ(polysem::text_split("heldout"), TextSplit::kHeldOut);
  EXPECT_EQ(polysem::name(TextSplit::kTrain), "train");
  EXPECT_THROW(polysem::text_split("test"), Error);
}

// printf '\x05\0\0\0\0\0\0\0a.txt\x06\0\0\0\0\0\0\0hello\n' | sha256sum
TEST_F(Text, Identity) {
  TextReader reader({write("a.txt", "hello\n")});
  while (reader.next()) {
  }
  EXPECT_EQ(reader.sha256(), "8866f43c022b1b10922e41f72e62d9f4a6986d01d4ca503e245e6450638b0922");
  EXPECT_FALSE(reader.next().has_value());
}

TEST_F(Text, PreparedSet) {
  const char* before = std::getenv("POLYSEM_CACHE");
  const std::string saved = before != nullptr ? before : "";
  setenv("POLYSEM_CACHE", folder_.c_str(), 1);
  EXPECT_TRUE(contains(problem({"debian"}), "run ./ci/setup"));
  write("text/debian/documents.jsonl",
        "{\"name\": \"perl/perlre\", \"source\": \"s\", \"label\": \"perl\", \"text\": \"t\"}\n");
  const auto documents = read({"debian"});
  before != nullptr ? setenv("POLYSEM_CACHE", saved.c_str(), 1) : unsetenv("POLYSEM_CACHE");
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].name, "perl/perlre");
}

TEST_F(Text, WhatCannotBeReadIsNamed) {
  EXPECT_TRUE(contains(problem({write("ok.txt", "a"), "no/such"}), "no/such: no such file or folder"));
  EXPECT_TRUE(contains(problem({write("x.bin", "a\0b"s)}), "x.bin: holds NUL bytes"));
  EXPECT_TRUE(
      contains(problem({write("x16.txt", "\x61\x00\x62\x00"s)}), "NUL bytes"));  // UTF-16 without mark
  EXPECT_TRUE(contains(problem({write("empty.txt", "")}), "no text in"));
  EXPECT_TRUE(contains(problem({}), "no text in no path"));
  fs::create_directory(folder_ / "void");
  EXPECT_TRUE(contains(problem({(folder_ / "void").string()}), "no text in"));
  EXPECT_TRUE(
      contains(problem({write("b", "text")}, TextSplit::kHeldOut), "1 documents that are not in the split"));
}

}  // namespace
