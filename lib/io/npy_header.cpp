#include "lib/io/npy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace polysem::io {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::uint32_t kLongestHeader = 65536;
constexpr std::size_t kMostDimensions = 32;  // NumPy's own limit

// Without the byte order, which must be '<', or '|' where a single byte has none.
constexpr std::array<std::pair<DType, std::string_view>, 10> kTypes = {{
    {DType::kF32, "f4"},
    {DType::kF16, "f2"},
    {DType::kF64, "f8"},
    {DType::kI8, "i1"},
    {DType::kU8, "u1"},
    {DType::kI16, "i2"},
    {DType::kI32, "i4"},
    {DType::kU32, "u4"},
    {DType::kI64, "i8"},
    {DType::kBool, "b1"},
}};

/// The Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }: a dictionary of these
/// three keys in any order, and nothing else.
class Literal {
 public:
  Literal(std::string_view text, const ByteReader& place) : text_(text), place_(place) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true))
        header.dtype = dtype();
      else if (key == "fortran_order" && !std::exchange(order, true))
        header.fortran_order = boolean();
      else if (key == "shape" && !std::exchange(shape, true))
        header.shape = tuple();
      else
        fail("unexpected or repeated key '" + std::string(key) + "'");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!text_.empty()) fail("text follows the closing brace");
    if (!descr || !order || !shape) fail("one of descr, fortran_order, shape is missing");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const { place_.fail("NumPy header: " + problem); }

  void skip_space() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size())); }
  bool accept(char wanted) {
    skip_space();
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(std::string("expected '") + wanted + "'");
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::string_view quoted() {
    skip_space();
    const char quote = text_.empty() ? '\0' : text_.front();
    if (quote != '\'' && quote != '"') fail("expected a quoted name");
    const auto end = text_.find(quote, 1);
    if (end == text_.npos) fail("a quoted name does not end");
    const auto name = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return name;
  }
  bool boolean() {
    if (accept_word("True")) return true;
    if (!accept_word("False")) fail("fortran_order must be True or False");
    return false;
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      std::int64_t size = -1;
      skip_space();
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) fail("the shape must be made of sizes from 0 on");
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      static_cast<void>(accept_word("L"));  // Python 2
      sizes.push_back(size);
      if (sizes.size() > kMostDimensions) fail("more than 32 dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }
  DType dtype() {
    skip_space();
    if (!text_.empty() && text_.front() == '[') fail("records (structured arrays) are not supported");
    const std::string_view text = quoted();
    if (text.starts_with('>')) fail("big-endian numbers are not supported: save with .astype('<f4')");
    if (text.find('O') != text.npos) fail("Python objects are not supported and never executed");
    const auto digits = text.substr(!text.empty() && (text.front() == '<' || text.front() == '|'));
    for (const auto& [type, spelled] : kTypes)
      if (digits == spelled && (text.front() == '<' || size_of(type) == 1)) return type;
    fail("elements of type '" + std::string(text) + "' are not supported");
  }

  std::string_view text_;
  const ByteReader& place_;
};

/// Sizes beside a zero count, too, so that every partial product is safe to compute.
std::uint64_t data_bytes(const NpyHeader& header, const ByteReader& place) {
  std::uint64_t bytes = size_of(header.dtype);
  for (const auto size : header.shape)
    if (!multiply(bytes, std::max<std::uint64_t>(1, static_cast<std::uint64_t>(size)), bytes))
      place.fail("the product of the shape is too large");
  return std::ranges::find(header.shape, 0) != header.shape.end() ? 0 : bytes;
}

}  // namespace

NpyHeader read_npy_header(ByteReader& reader) {
  if (reader.left() < kMagic.size() || reader.text(kMagic.size(), "the magic") != kMagic)
    reader.fail("this is not a NumPy array: the file does not start with \\x93NUMPY");
  const auto major = reader.read<std::uint8_t>("the version");
  reader.read<std::uint8_t>("the version");
  if (major < 1 || major > 3)
    reader.fail("version " + std::to_string(major) + " of NumPy's format is not known, only 1 to 3");
  const std::uint32_t length = major == 1 ? reader.read<std::uint16_t>("the header's length")
                                          : reader.read<std::uint32_t>("the header's length");
  if (length > kLongestHeader)
    reader.fail("a header of " + std::to_string(length) + " bytes is not plausible");
  NpyHeader header = Literal(reader.text(length, "the header"), reader).parse();
  header.data_bytes = data_bytes(header, reader);
  return header;
}

std::string format_npy_header(DType dtype, std::span<const std::int64_t> shape) {
  const auto type = std::ranges::find(kTypes, dtype, &std::pair<DType, std::string_view>::first);
  if (type == kTypes.end())
    throw Error(ErrorCode::kInvalidArgument, "NumPy has no type for " + std::string(name(dtype)));
  std::string text = std::string("{'descr': '") + (size_of(dtype) == 1 ? "|" : "<") +
                     std::string(type->second) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i > 0 ? " " : "") + std::to_string(shape[i]) + (i + 1 < shape.size() || i == 0 ? "," : "");
  text += "), }";
  text.append(63 - (text.size() + kMagic.size() + 4) % 64, ' ');
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  std::string header(kMagic);
  header.append({'\x01', '\x00', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)});
  return header + text;
}

}  // namespace polysem::io
