// The tokenizer on any text: bytes -> tokens -> bytes, with a vocabulary that has a token for every byte.
#include "polysem/tokenizer.hpp"

#include <array>

#include "lib/host/byte_alphabet.hpp"
#include "lib/host/unicode.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/gguf_writer.hpp"

namespace polysem::fuzz {

namespace {

/// Every byte, some merges over letters, spaces and parts of UTF-8 characters, a control token and a user's.
Tokenizer make_tokenizer(const char* rule) {
  const auto alphabet = byte_alphabet();
  const auto symbol = [&](unsigned byte) {
    char text[4];
    return std::string(text, encode_utf8(alphabet[byte], text));
  };
  std::vector<std::string> tokens, merges;
  for (unsigned b = 0; b < 256; ++b) tokens.push_back(symbol(b));
  const auto merge = [&](const std::string& left, const std::string& right) {
    merges.push_back(left + " " + right);
    tokens.push_back(left + right);
  };
  merge("t", "h");
  merge("th", "e");
  merge(symbol(' '), "t");
  merge(symbol(' ') + "t", "he");  // "he" is no token: it only comes about by the next merge
  merge("h", "e");
  merge(symbol(0xc3), symbol(0xa9));
  merge(symbol(0xe2), symbol(0x80));
  merge("1", "2");
  std::vector<std::int32_t> types(tokens.size(), 1);
  tokens.insert(tokens.end(), {"<end>", "<user>", "<e"});
  types.insert(types.end(), {3, 4, 3});
  test::GgufWriter writer;
  writer.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", rule);
  writer.texts("tokenizer.ggml.tokens", tokens).integers("tokenizer.ggml.token_type", types);
  writer.texts("tokenizer.ggml.merges", merges);
  return Tokenizer(GgufFile::parse(writer.finish(), "vocabulary"));
}

/// What encode() promises to do to bytes that are not UTF-8.
std::string well_formed(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text.substr(i));
    out.append(c.valid ? text.substr(i, c.bytes) : "\xef\xbf\xbd");
    i += c.bytes;
  }
  return out;
}

}  // namespace

void read_input(std::string_view bytes) {
  static const Tokenizer kTokenizers[] = {make_tokenizer("gpt-2"), make_tokenizer("smollm")};
  for (const Tokenizer& tokenizer : kTokenizers) {
    for (const auto special : {Tokenizer::Special::kAsText, Tokenizer::Special::kParse}) {
      const auto ids = tokenizer.encode(bytes, special);
      if (tokenizer.decode(ids) != well_formed(bytes)) broken("decode(encode(text)) is the text");
      for (const std::int32_t id : ids)
        if (special == Tokenizer::Special::kAsText && tokenizer.is_control(id))
          broken("control tokens come from text only when asked for");
    }
  }
}

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  return {"the then <end> the <user>12 1998", "I'll they've\n\n  \t caf\u00e9 \u2028\u3000 \u00bd\U0001f600",
          "\xff\xfe\xc3 \xe2\x80 \xed\xa0\x80\0x"s};
}

}  // namespace polysem::fuzz
