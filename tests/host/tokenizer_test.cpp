#include "polysem/tokenizer.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/host/pretokenizer.hpp"
#include "lib/host/unicode.hpp"
#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "tests/support/gguf_writer.hpp"
#include "tests/support/real_model.hpp"

namespace polysem {
namespace {

using test::GgufWriter;
using Ids = std::vector<std::int32_t>;
using Special = Tokenizer::Special;

std::vector<std::string> words(PreTokenizer rule, std::string_view text) {
  std::vector<std::string> list;
  split_words(rule, text, [&](std::string_view word) { list.emplace_back(word); });
  return list;
}

// By hand from the regular expression of GPT-2.
TEST(PreTokenizer, Gpt2Rule) {
  using Words = std::vector<std::string>;
  const auto gpt2 = [](std::string_view text) { return words(PreTokenizer::kGpt2, text); };
  EXPECT_EQ(gpt2("Hello  world "), (Words{"Hello", " ", " world", " "}));
  EXPECT_EQ(gpt2("I'll 'tis y'all'd"), (Words{"I", "'ll", " '", "tis", " y", "'", "all", "'d"}));
  EXPECT_EQ(gpt2("a\n\n b\t\tc"), (Words{"a", "\n\n", " b", "\t", "\t", "c"}));
  EXPECT_EQ(gpt2("x12 345,6"), (Words{"x", "12", " 345", ",", "6"}));
  EXPECT_EQ(gpt2(" \u00e9t\u00e9\u3000\u00bd\u2028!"),
            (Words{" \u00e9t\u00e9", "\u3000", "\u00bd", "\u2028", "!"}));
  EXPECT_TRUE(gpt2("").empty());
}

TEST(PreTokenizer, SmollmKeepsNumbersApart) {
  EXPECT_EQ(words(PreTokenizer::kSmollm, "in 1998, x  7"),
            (std::vector<std::string>{"in", " ", "1", "9", "9", "8", ",", " x", "  ", "7"}));
}

TEST(PreTokenizer, WordsTogetherAreTheText) {
  const Random random(3, RandomStream::kData);
  for (std::uint64_t round = 0; round < 200; ++round) {
    std::string text, joined;
    for (std::uint64_t i = 0; i < 40; ++i) {
      constexpr std::uint32_t kSome[] = {' ', '\n', '\'', 's',    'l',    'A',
                                         '7', '-',  0xe9, 0x3000, 0x2163, 0x1f600};
      char bytes[4];
      text.append(bytes, encode_utf8(kSome[random.below(std::size(kSome), round * 64 + i)], bytes));
    }
    for (const PreTokenizer rule : {PreTokenizer::kGpt2, PreTokenizer::kSmollm}) {
      joined.clear();
      for (const auto& word : words(rule, text)) joined += word;
      EXPECT_EQ(joined, text);
    }
  }
}

// Unicode 15.0, UnicodeData.txt: U+0345 is Mn, U+10D0 Lo, U+16EE Nl, U+31350 the first of extension H (new
// in 15.0).
TEST(Unicode, Classes) {
  EXPECT_EQ(char_class('z'), CharClass::kLetter);
  EXPECT_EQ(char_class('0'), CharClass::kNumber);
  EXPECT_EQ(char_class('_'), CharClass::kOther);
  EXPECT_EQ(char_class(0xa0), CharClass::kSpace);
  EXPECT_EQ(char_class(0x200b), CharClass::kOther);
  EXPECT_EQ(char_class(0x345), CharClass::kOther);
  EXPECT_EQ(char_class(0x10d0), CharClass::kLetter);
  EXPECT_EQ(char_class(0x16ee), CharClass::kNumber);
  EXPECT_EQ(char_class(0x31350), CharClass::kLetter);
  EXPECT_EQ(char_class(0x10ffff), CharClass::kOther);
}

// Table 3-7 of the Unicode standard: bounds of the second byte, and what lies just outside.
TEST(Unicode, Utf8) {
  for (const std::string_view good :
       {"\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(decode_utf8(good).valid && decode_utf8(good).bytes == good.size());
  for (const std::string_view bad : {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                                     "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc3("})
    EXPECT_TRUE(!decode_utf8(bad).valid && decode_utf8(bad).bytes == 1);
  for (std::uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 97) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    char bytes[4];
    const std::size_t size = encode_utf8(c, bytes);
    const DecodedChar back = decode_utf8({bytes, size});
    ASSERT_TRUE(back.valid && back.code_point == c && back.bytes == size) << c;
  }
}

// Tokens a b c ab abc " a" (as U+0120), <end>; byte d has no token, and "cd" is only made by a merge.
GgufWriter tiny_tokens() {
  GgufWriter writer;
  writer.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "gpt-2");
  writer.texts("tokenizer.ggml.tokens",
               {"a", "b", "c", "ab", "abc", "\u0120", "\u0120a", "<end>", "<user>", "bc"});
  writer.integers("tokenizer.ggml.token_type", {1, 1, 1, 1, 1, 1, 1, 3, 4, 1});
  writer.texts("tokenizer.ggml.merges", {"b c", "a b", "ab c", "\u0120 a", "c d"});
  writer.scalar<std::uint32_t>("tokenizer.ggml.eos_token_id", 7);
  return writer;
}

Tokenizer make(const GgufWriter& writer) {
  const auto bytes = writer.finish();
  return Tokenizer(GgufFile::parse(bytes, "x.gguf"));
}

TEST(Tokenizer, MergesInOrderOfRank) {
  const Tokenizer t = make(tiny_tokens());
  EXPECT_EQ(t.encode("abc"), (Ids{0, 9}));  // "b c" outranks "a b"
  EXPECT_EQ(t.encode("abab"), (Ids{3, 3}));
  EXPECT_EQ(t.encode("a ab"), (Ids{0, 5, 3}));  // "a b" outranks " a"
  EXPECT_EQ(t.encode("acd"), (Ids{0, 2}));      // "cd" and "d" have no token, c has
  EXPECT_EQ(t.vocabulary(), 10);
  EXPECT_EQ(t.end_of_text(), 7);
  EXPECT_EQ(t.begin_of_text(), -1);
}

TEST(Tokenizer, ControlTokensOnlyWhenAsked) {
  const Tokenizer t = make(tiny_tokens());
  EXPECT_EQ(t.encode("a<end>b", Special::kParse), (Ids{0, 7, 1}));
  EXPECT_EQ(t.encode("a<end>b"), (Ids{0, 1}));  // the letters of <end> have no tokens here
  EXPECT_EQ(t.encode("a<user>b"), (Ids{0, 8, 1}));
  EXPECT_TRUE(t.is_control(7));
  EXPECT_FALSE(t.is_control(8));
}

TEST(Tokenizer, DecodesAndDisplays) {
  const Tokenizer t = make(tiny_tokens());
  EXPECT_EQ(t.decode(Ids{6, 4, 7}), " aabc<end>");
  EXPECT_THROW(t.decode(Ids{10}), Error);
  EXPECT_THROW(t.bytes(-1), Error);
  EXPECT_EQ(t.display(6), " a");
}

TEST(Tokenizer, RefusesDamagedTables) {
  const auto refused = [](GgufWriter writer) {
    const auto bytes = writer.finish();
    try {
      Tokenizer t(GgufFile::parse(bytes, "x.gguf"));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  GgufWriter base;
  base.text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", "gpt-2")
      .texts("tokenizer.ggml.tokens", {"a"});
  EXPECT_EQ(refused(GgufWriter(base).texts("tokenizer.ggml.merges", {})), "");
  EXPECT_NE(refused(GgufWriter(base).texts("tokenizer.ggml.merges", {"ab"})).find("merges: entry 0"),
            std::string::npos);
  EXPECT_NE(refused(GgufWriter(base).texts("tokenizer.ggml.merges", {""})).find("merges: entry 0"),
            std::string::npos);
  EXPECT_NE(refused(base).find("merges is missing"), std::string::npos);
  EXPECT_NE(refused(GgufWriter(base)
                        .texts("tokenizer.ggml.merges", {})
                        .scalar<std::uint32_t>("tokenizer.ggml.eos_token_id", 1))
                .find("outside the vocabulary"),
            std::string::npos);
  EXPECT_NE(refused(GgufWriter(base).integers("tokenizer.ggml.token_type", {1, 1})).find("token_type"),
            std::string::npos);
  GgufWriter other;
  other.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", {"a"});
  EXPECT_NE(refused(other).find("expected gpt2"), std::string::npos);
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

nlohmann::json oracle() {
  return nlohmann::json::parse(std::ifstream(POLYSEM_SOURCE_DIR "/tests/host/data/smollm2_oracle.json"));
}

// Ids from llama.cpp; where it has none (a sequence above U+10FFFF), from tiktoken on Python's decoding with
// errors="replace".
TEST(Tokenizer, AgreesWithTheOracle) {
  POLYSEM_NEED_REAL_MODEL();
  const Tokenizer t(GgufFile::open(test::real_model_path()));
  const auto facts = oracle();
  ASSERT_EQ(t.encode(facts.at("text").get<std::string>()), facts.at("ids").get<Ids>());
  ASSERT_EQ(facts.at("tokenizer_cases").size(), 20u);
  for (const auto& one : facts.at("tokenizer_cases")) {
    const auto expected = one.at(one.at("ids").is_null() ? "ids_python_replace" : "ids").get<Ids>();
    const std::string text = from_hex(one.at("bytes_hex").get<std::string>());
    const auto& special = one.at("special");
    if (special != true) {
      EXPECT_EQ(t.encode(text), expected) << one.at("name");
    }
    if (special != false) {
      EXPECT_EQ(t.encode(text, Special::kParse), expected) << one.at("name");
    }
  }
}

TEST(Tokenizer, RealVocabularyReturnsTheText) {
  POLYSEM_NEED_REAL_MODEL();
  const Tokenizer t(GgufFile::open(test::real_model_path()));
  for (const std::string& text :
       {std::string("A river\n\n  in 1998 \u4f60\u597d \U0001f600."), oracle().at("text").get<std::string>()})
    EXPECT_EQ(t.decode(t.encode(text)), text);
}

// Quadratic merging would need minutes for each of these.
TEST(Tokenizer, LongLinesTakeLinearTime) {
  POLYSEM_NEED_REAL_MODEL();
  const Tokenizer t(GgufFile::open(test::real_model_path()));
  for (const char* unit : {"a", " ", "-", "ab", "\xff", "7", "<"}) {
    std::string text;
    while (text.size() < (1u << 20)) text += unit;
    EXPECT_GT(t.encode(text, Special::kParse).size(), 1000u);
  }
}

}  // namespace
}  // namespace polysem
