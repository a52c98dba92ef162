#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "lib/io/gguf_cursor.hpp"
#include "polysem/gguf.hpp"

namespace polysem {

namespace {

// Integers as sign and magnitude, wide enough for both u64 and i64.
struct Integer {
  bool negative = false;
  std::uint64_t magnitude = 0;
};

template <class T>
Integer integer_of(T value) {
  if (value < 0) return {true, std::uint64_t{0} - static_cast<std::uint64_t>(value)};
  return {false, static_cast<std::uint64_t>(value)};
}

bool read_integer(GgufCursor& cursor, GgufValueType type, Integer& out) {
  constexpr auto kWhat = "an integer";
  switch (type) {
    case GgufValueType::kU8:
      out = integer_of(cursor.read<std::uint8_t>(kWhat));
      return true;
    case GgufValueType::kI8:
      out = integer_of(cursor.read<std::int8_t>(kWhat));
      return true;
    case GgufValueType::kU16:
      out = integer_of(cursor.read<std::uint16_t>(kWhat));
      return true;
    case GgufValueType::kI16:
      out = integer_of(cursor.read<std::int16_t>(kWhat));
      return true;
    case GgufValueType::kU32:
      out = integer_of(cursor.read<std::uint32_t>(kWhat));
      return true;
    case GgufValueType::kI32:
      out = integer_of(cursor.read<std::int32_t>(kWhat));
      return true;
    case GgufValueType::kU64:
      out = integer_of(cursor.read<std::uint64_t>(kWhat));
      return true;
    case GgufValueType::kI64:
      out = integer_of(cursor.read<std::int64_t>(kWhat));
      return true;
    default:
      return false;
  }
}

bool read_number(GgufCursor& cursor, GgufValueType type, double& out) {
  if (type == GgufValueType::kF32) {
    out = double{cursor.read<float>("a number")};
    return true;
  }
  if (type == GgufValueType::kF64) {
    out = cursor.read<double>("a number");
    return true;
  }
  Integer integer;
  if (!read_integer(cursor, type, integer)) return false;
  out = (integer.negative ? -1.0 : 1.0) * static_cast<double>(integer.magnitude);
  return true;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 200;
  return std::string(text.substr(0, kMost)) + (text.size() > kMost ? "..." : "");
}

std::string shown_element(GgufCursor& cursor, GgufValueType type) {
  if (type == GgufValueType::kString) return shown(cursor.string("a string"));
  if (type == GgufValueType::kBool) return cursor.read<std::uint8_t>("a truth value") != 0 ? "true" : "false";
  Integer integer;
  if (read_integer(cursor, type, integer))
    return (integer.negative ? "-" : "") + std::to_string(integer.magnitude);
  double number = 0;
  if (!read_number(cursor, type, number)) return "[...]";
  std::ostringstream text;
  text << number;
  return text.str();
}

}  // namespace

std::string_view name(GgufValueType type) noexcept {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  const auto i = static_cast<std::size_t>(type);
  return i < std::size(kNames) ? kNames[i] : "?";
}

const GgufValue& GgufFile::value(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end())
    throw Error(ErrorCode::kBadInput, label_ + ": key " + std::string(key) + " is missing");
  return found->second;
}

const GgufValue& GgufFile::array(std::string_view key) const {
  const GgufValue& found = value(key);
  if (found.type != GgufValueType::kArray) wrong_type(key, found, "an array");
  return found;
}

void GgufFile::wrong_type(std::string_view key, const GgufValue& found, std::string_view expected) const {
  std::string type(name(found.type));
  if (found.type == GgufValueType::kArray) type += " of " + std::string(name(found.element));
  throw Error(ErrorCode::kBadInput, label_ + ": key " + std::string(key) + " at offset " +
                                        std::to_string(found.offset) + ": expected " + std::string(expected) +
                                        ", found " + type + " " + describe(key));
}

std::uint64_t GgufFile::unsigned_integer(std::string_view key) const {
  const GgufValue& found = value(key);
  GgufCursor cursor(bytes_, label_, found.offset);
  Integer integer;
  if (!read_integer(cursor, found.type, integer) || (integer.negative && integer.magnitude != 0))
    wrong_type(key, found, "an integer that is not negative");
  return integer.magnitude;
}

std::uint64_t GgufFile::unsigned_integer(std::string_view key, std::uint64_t otherwise) const {
  return has(key) ? unsigned_integer(key) : otherwise;
}

double GgufFile::number(std::string_view key) const {
  const GgufValue& found = value(key);
  GgufCursor cursor(bytes_, label_, found.offset);
  double number_read = 0;
  if (!read_number(cursor, found.type, number_read) || !std::isfinite(number_read))
    wrong_type(key, found, "a finite number");
  return number_read;
}

double GgufFile::number(std::string_view key, double otherwise) const {
  return has(key) ? number(key) : otherwise;
}

bool GgufFile::boolean(std::string_view key, bool otherwise) const {
  if (!has(key)) return otherwise;
  const GgufValue& found = value(key);
  if (found.type != GgufValueType::kBool) wrong_type(key, found, "a truth value");
  return GgufCursor(bytes_, label_, found.offset).read<std::uint8_t>("a truth value") != 0;
}

std::string_view GgufFile::text(std::string_view key) const {
  const GgufValue& found = value(key);
  if (found.type != GgufValueType::kString) wrong_type(key, found, "a string");
  return GgufCursor(bytes_, label_, found.offset).string("a string");
}

std::string_view GgufFile::text(std::string_view key, std::string_view otherwise) const {
  return has(key) ? text(key) : otherwise;
}

std::vector<std::string_view> GgufFile::texts(std::string_view key) const {
  const GgufValue& found = array(key);
  if (found.element != GgufValueType::kString) wrong_type(key, found, "an array of strings");
  GgufCursor cursor(bytes_, label_, found.offset);
  std::vector<std::string_view> list;
  list.reserve(found.count);
  for (std::uint64_t i = 0; i < found.count; ++i) list.push_back(cursor.string("a string"));
  return list;
}

std::vector<std::int64_t> GgufFile::integers(std::string_view key) const {
  const GgufValue& found = array(key);
  GgufCursor cursor(bytes_, label_, found.offset);
  std::vector<std::int64_t> list;
  list.reserve(found.count);
  for (std::uint64_t i = 0; i < found.count; ++i) {
    Integer integer;
    if (!read_integer(cursor, found.element, integer) ||
        integer.magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      wrong_type(key, found, "an array of integers");
    const auto magnitude = static_cast<std::int64_t>(integer.magnitude);
    list.push_back(integer.negative ? -magnitude : magnitude);
  }
  return list;
}

std::string GgufFile::describe(std::string_view key) const {
  const GgufValue& found = value(key);
  GgufCursor cursor(bytes_, label_, found.offset);
  if (found.type != GgufValueType::kArray) return shown_element(cursor, found.type);
  if (found.element == GgufValueType::kArray) return "[" + std::to_string(found.count) + " arrays]";
  constexpr std::uint64_t kMost = 8;
  std::string text_shown = "[";
  for (std::uint64_t i = 0; i < std::min(found.count, kMost); ++i)
    text_shown += (i == 0 ? "" : ", ") + shown_element(cursor, found.element);
  if (found.count > kMost) text_shown += ", ... " + std::to_string(found.count) + " in all";
  return text_shown + "]";
}

}  // namespace polysem
