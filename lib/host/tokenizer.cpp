#include "polysem/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "lib/host/bpe.hpp"
#include "lib/host/byte_alphabet.hpp"
#include "lib/host/pretokenizer.hpp"
#include "lib/host/unicode.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

// Values of tokenizer.ggml.token_type.
constexpr std::int64_t kNormal = 1, kControl = 3, kUserDefined = 4;

// A token whose name is looked for in the text as it stands.
struct Literal {
  std::string text;
  std::int32_t id;
  bool control;
};

PreTokenizer pre_tokenizer(const GgufFile& file) {
  if (const auto model = file.text("tokenizer.ggml.model"); model != "gpt2")
    throw Error(ErrorCode::kBadInput, file.label() + ": tokenizer.ggml.model is " + std::string(model) +
                                          ", expected gpt2 (byte-level byte pairs)");
  const auto pre = file.text("tokenizer.ggml.pre");
  if (pre == "smollm") return PreTokenizer::kSmollm;
  if (pre == "gpt-2") return PreTokenizer::kGpt2;
  throw Error(ErrorCode::kBadInput,
              file.label() + ": tokenizer.ggml.pre is " + std::string(pre) + ", expected smollm or gpt-2");
}

std::vector<std::int64_t> token_types(const GgufFile& file, std::size_t count) {
  if (!file.has("tokenizer.ggml.token_type")) return std::vector<std::int64_t>(count, kNormal);
  auto types = file.integers("tokenizer.ggml.token_type");
  if (types.size() != count)
    throw Error(ErrorCode::kBadInput, file.label() + ": tokenizer.ggml.token_type has " +
                                          std::to_string(types.size()) + " entries, expected " +
                                          std::to_string(count) + ", one a token");
  return types;
}

// The bytes that a token in GPT-2's alphabet stands for; characters outside the alphabet stand for
// themselves.
std::string bytes_of(std::string_view text) {
  static const auto inverse = [] {
    std::array<int, 0x144> table;
    table.fill(-1);
    const auto alphabet = byte_alphabet();
    for (std::size_t b = 0; b < 256; ++b) table[alphabet[b]] = static_cast<int>(b);
    return table;
  }();
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text.substr(i));
    if (c.valid && c.code_point < inverse.size() && inverse[c.code_point] >= 0)
      bytes.push_back(static_cast<char>(inverse[c.code_point]));
    else
      bytes.append(text.substr(i, c.bytes));
    i += c.bytes;
  }
  return bytes;
}

// Each byte that is no part of well-formed UTF-8 becomes U+FFFD.
std::string well_formed(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text.substr(i));
    if (c.valid)
      clean.append(text.substr(i, c.bytes));
    else
      clean.append("\xef\xbf\xbd");
    i += c.bytes;
  }
  return clean;
}

std::int32_t special_id(const GgufFile& file, std::string_view key, std::size_t count) {
  if (!file.has(key)) return -1;
  const std::uint64_t id = file.unsigned_integer(key);
  if (id >= count)
    throw Error(ErrorCode::kBadInput, file.label() + ": key " + std::string(key) + ": token " +
                                          std::to_string(id) + " is outside the vocabulary of " +
                                          std::to_string(count));
  return static_cast<std::int32_t>(id);
}

std::vector<std::string_view> token_texts(const GgufFile& file) {
  auto tokens = file.texts("tokenizer.ggml.tokens");
  // Half the range of u32 leaves room for symbols without a token.
  if (tokens.empty() || tokens.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw Error(ErrorCode::kBadInput,
                file.label() + ": tokenizer.ggml.tokens has " + std::to_string(tokens.size()) + " entries");
  return tokens;
}

std::vector<std::string> merge_symbols(const std::vector<std::string_view>& tokens,
                                       const std::vector<std::int64_t>& types) {
  std::vector<std::string> symbols(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (types[i] != kControl && types[i] != kUserDefined) symbols[i] = tokens[i];
  return symbols;
}

}  // namespace

struct Tokenizer::Tables {
  PreTokenizer rule;
  std::vector<std::string> bytes;                 // of each token
  std::vector<bool> control;                      // for each token
  std::array<std::vector<Literal>, 256> literal;  // by first byte, longest first
  BytePairs pairs;
  std::int32_t begin = -1, end = -1;
  bool adds_begin = false;

  Tables(const GgufFile& file, const std::vector<std::string_view>& tokens,
         const std::vector<std::int64_t>& types)
      : rule(pre_tokenizer(file)),
        pairs(merge_symbols(tokens, types), file.texts("tokenizer.ggml.merges"), file.label()),
        begin(special_id(file, "tokenizer.ggml.bos_token_id", tokens.size())),
        end(special_id(file, "tokenizer.ggml.eos_token_id", tokens.size())),
        adds_begin(file.boolean("tokenizer.ggml.add_bos_token", false)) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool literally = types[i] == kControl || types[i] == kUserDefined;
      bytes.push_back(literally ? std::string(tokens[i]) : bytes_of(tokens[i]));
      control.push_back(types[i] == kControl);
      if (literally && !tokens[i].empty())
        literal[static_cast<unsigned char>(tokens[i][0])].push_back(
            {std::string(tokens[i]), static_cast<std::int32_t>(i), types[i] == kControl});
    }
    for (auto& list : literal)
      std::stable_sort(list.begin(), list.end(),
                       [](const Literal& a, const Literal& b) { return a.text.size() > b.text.size(); });
  }

  const Literal* literal_at(std::string_view text, Special special) const {
    for (const Literal& one : literal[static_cast<unsigned char>(text[0])])
      if ((special == Special::kParse || !one.control) && text.starts_with(one.text)) return &one;
    return nullptr;
  }

  void encode_plain(std::string_view text, std::vector<std::int32_t>& ids) const {
    split_words(rule, text, [&](std::string_view word) { pairs.encode(word, ids); });
  }
};

Tokenizer::Tokenizer(const GgufFile& file) {
  const auto tokens = token_texts(file);
  tables_ = std::make_unique<const Tables>(file, tokens, token_types(file, tokens.size()));
}

Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, Special special) const {
  const std::string clean = well_formed(text);
  const std::string_view all = clean;
  std::vector<std::int32_t> ids;
  std::size_t start = 0;
  for (std::size_t i = 0; i < all.size();) {
    const Literal* found = tables_->literal_at(all.substr(i), special);
    if (found == nullptr) {
      ++i;
      continue;
    }
    tables_->encode_plain(all.substr(start, i - start), ids);
    ids.push_back(found->id);
    start = i += found->text.size();
  }
  tables_->encode_plain(all.substr(start), ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  for (const std::int32_t id : ids) text.append(bytes(id));
  return text;
}

std::string_view Tokenizer::bytes(std::int32_t id) const {
  if (id < 0 || id >= vocabulary())
    throw Error(
        ErrorCode::kInvalidArgument,
        "token " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary()));
  return tables_->bytes[static_cast<std::size_t>(id)];
}

std::string Tokenizer::display(std::int32_t id) const {
  const std::string_view text = bytes(id);
  std::string shown;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text.substr(i));
    const bool control = (c.code_point < 0x20 && c.code_point != '\n' && c.code_point != '\t') ||
                         (c.code_point >= 0x7f && c.code_point < 0xa0);
    for (std::size_t j = i; j < i + c.bytes; ++j) {
      if (c.valid && !control) {
        shown.push_back(text[j]);
      } else {
        char hex[8];
        std::snprintf(hex, sizeof hex, "<0x%02X>",
                      static_cast<unsigned>(static_cast<unsigned char>(text[j])));
        shown.append(hex);
      }
    }
    i += c.bytes;
  }
  return shown;
}

std::int32_t Tokenizer::vocabulary() const noexcept {
  return static_cast<std::int32_t>(tables_->bytes.size());
}

bool Tokenizer::is_control(std::int32_t id) const {
  return id >= 0 && id < vocabulary() && tables_->control[static_cast<std::size_t>(id)];
}

std::int32_t Tokenizer::begin_of_text() const noexcept { return tables_->begin; }
std::int32_t Tokenizer::end_of_text() const noexcept { return tables_->end; }
bool Tokenizer::adds_begin() const noexcept { return tables_->adds_begin; }

}  // namespace polysem
