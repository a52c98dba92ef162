#include "polysem/gguf.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "lib/io/ggml_types.hpp"
#include "lib/io/gguf_cursor.hpp"
#include "polysem/file.hpp"

namespace polysem {

namespace {

constexpr std::uint64_t kMaxKeyBytes = 65535;  // the format's own limit
constexpr std::uint32_t kMaxDimensions = 4;    // likewise
constexpr int kMaxNesting = 4;
constexpr std::uint64_t kMaxAlignment = std::uint64_t{1} << 20;

// Bytes of a value of fixed size; 0 for strings and arrays.
std::uint64_t fixed_size(GgufValueType type) {
  switch (type) {
    case GgufValueType::kU8:
    case GgufValueType::kI8:
    case GgufValueType::kBool:
      return 1;
    case GgufValueType::kU16:
    case GgufValueType::kI16:
      return 2;
    case GgufValueType::kU32:
    case GgufValueType::kI32:
    case GgufValueType::kF32:
      return 4;
    case GgufValueType::kU64:
    case GgufValueType::kI64:
    case GgufValueType::kF64:
      return 8;
    case GgufValueType::kString:
    case GgufValueType::kArray:
      return 0;
  }
  return 0;
}

GgufValueType read_type(GgufCursor& cursor) {
  const std::uint64_t start = cursor.position();
  const auto number = cursor.read<std::uint32_t>("a value type");
  if (number > static_cast<std::uint32_t>(GgufValueType::kF64))
    cursor.fail(start, "value type " + std::to_string(number) + " is unknown, expected 0 to 12");
  return static_cast<GgufValueType>(number);
}

GgufValue read_array_head(GgufCursor& cursor) {
  GgufValue value;
  value.type = GgufValueType::kArray;
  value.element = read_type(cursor);
  value.count = cursor.read<std::uint64_t>("an array length");
  value.offset = cursor.position();
  return value;
}

void skip_value(GgufCursor& cursor, GgufValueType type, int depth);

// Reads no more than the file holds whatever the count says: every element takes at least a byte.
void skip_elements(GgufCursor& cursor, const GgufValue& array, int depth) {
  if (array.count > cursor.left())
    cursor.fail(array.offset, "an array of " + std::to_string(array.count) +
                                  " elements does not fit into the " + std::to_string(cursor.left()) +
                                  " bytes left");
  if (const std::uint64_t size = fixed_size(array.element); size > 0) {
    if (array.count > cursor.left() / size) cursor.fail(array.offset, "an array does not fit into the file");
    cursor.skip(array.count * size, "an array");
    return;
  }
  for (std::uint64_t i = 0; i < array.count; ++i) skip_value(cursor, array.element, depth);
}

void skip_value(GgufCursor& cursor, GgufValueType type, int depth) {
  if (type == GgufValueType::kString) {
    cursor.string("a string");
  } else if (type == GgufValueType::kArray) {
    if (depth >= kMaxNesting)
      cursor.fail(cursor.position(), "arrays nest deeper than " + std::to_string(kMaxNesting));
    skip_elements(cursor, read_array_head(cursor), depth + 1);
  } else {
    cursor.skip(fixed_size(type), "a value");
  }
}

GgufValue read_value(GgufCursor& cursor) {
  const GgufValueType type = read_type(cursor);
  if (type == GgufValueType::kArray) {
    const GgufValue value = read_array_head(cursor);
    skip_elements(cursor, value, 1);
    return value;
  }
  const GgufValue value{type, type, 1, cursor.position()};
  skip_value(cursor, type, 0);
  return value;
}

std::string read_name(GgufCursor& cursor, std::string_view what) {
  const std::uint64_t start = cursor.position();
  const std::string_view name = cursor.string(what);
  if (name.empty() || name.size() > kMaxKeyBytes)
    cursor.fail(start, std::string(what) + " has " + std::to_string(name.size()) + " bytes, expected 1 to " +
                           std::to_string(kMaxKeyBytes));
  return std::string(name);
}

std::uint32_t read_version(GgufCursor& cursor) {
  const auto magic = cursor.read<std::array<char, 4>>("the magic number");
  if (std::string_view(magic.data(), 4) != "GGUF")
    cursor.fail(0, "this is no GGUF file: it does not begin with GGUF");
  const auto version = cursor.read<std::uint32_t>("the version");
  if (version == 0x02000000u || version == 0x03000000u)
    cursor.fail(4, "the file is big-endian; convert it to little-endian");
  if (version != 2 && version != 3)
    cursor.fail(4, "GGUF version " + std::to_string(version) + " is not supported, expected 2 or 3");
  return version;
}

GgufTensor read_tensor(GgufCursor& cursor) {
  GgufTensor tensor;
  tensor.name = read_name(cursor, "a tensor name");
  const std::uint64_t start = cursor.position();
  const auto dimensions = cursor.read<std::uint32_t>("a number of dimensions");
  if (dimensions < 1 || dimensions > kMaxDimensions)
    cursor.fail(start, "tensor " + tensor.name + " has " + std::to_string(dimensions) +
                           " dimensions, expected 1 to 4");
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto extent = cursor.read<std::uint64_t>("an extent");
    if (extent == 0 ||
        extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / elements)
      cursor.fail(start,
                  "tensor " + tensor.name + " has extent " + std::to_string(extent) + ": zero or too large");
    elements *= extent;
    tensor.shape.push_back(extent);
  }
  tensor.type = cursor.read<std::uint32_t>("a tensor type");
  tensor.offset = cursor.read<std::uint64_t>("a tensor offset");
  return tensor;
}

}  // namespace

GgufFile GgufFile::open(const std::filesystem::path& path) {
  auto map = std::make_shared<const MappedFile>(path);
  GgufFile file = parse(map->bytes(), path.string());
  file.owner_ = std::move(map);
  return file;
}

GgufFile GgufFile::parse(std::span<const std::byte> bytes, std::string label) {
  GgufFile file;
  file.bytes_ = bytes;
  file.label_ = std::move(label);
  file.read_all();
  return file;
}

void GgufFile::read_all() {
  GgufCursor cursor(bytes_, label_);
  version_ = read_version(cursor);
  const auto tensor_count = cursor.read<std::uint64_t>("the number of tensors");
  const auto key_count = cursor.read<std::uint64_t>("the number of keys");
  if (key_count > cursor.left() || tensor_count > cursor.left())
    cursor.fail(8, "the header promises " + std::to_string(tensor_count) + " tensors and " +
                       std::to_string(key_count) + " keys, more than the file can hold");
  for (std::uint64_t i = 0; i < key_count; ++i) {
    const std::uint64_t start = cursor.position();
    std::string key = read_name(cursor, "a key");
    const GgufValue read = read_value(cursor);
    if (!metadata_.emplace(std::move(key), read).second) cursor.fail(start, "a key occurs twice");
  }
  read_tensors(cursor, tensor_count);
  const std::uint64_t alignment = unsigned_integer("general.alignment", 32);
  if (alignment == 0 || alignment > kMaxAlignment || (alignment & (alignment - 1)) != 0)
    throw Error(ErrorCode::kBadInput, label_ +
                                          ": general.alignment: expected a power of two up to 2^20, found " +
                                          std::to_string(alignment));
  if (tensors_.empty()) return;
  place_tensors((cursor.position() + alignment - 1) / alignment * alignment, alignment);
  check_overlap();
}

void GgufFile::read_tensors(GgufCursor& cursor, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t start = cursor.position();
    tensors_.push_back(read_tensor(cursor));
    if (!index_.emplace(tensors_.back().name, tensors_.size() - 1).second)
      cursor.fail(start, "tensor " + tensors_.back().name + " occurs twice");
  }
}

// Turns offsets into the data section into offsets into the file, and sizes into spans.
void GgufFile::place_tensors(std::uint64_t data_start, std::uint64_t alignment) {
  for (GgufTensor& t : tensors_) {
    const auto fail = [&](const std::string& message) {
      throw Error(ErrorCode::kBadInput, label_ + ": tensor " + t.name + ": " + message);
    };
    if (t.offset % alignment != 0)
      fail("offset " + std::to_string(t.offset) + " is not a multiple of the alignment " +
           std::to_string(alignment));
    if (data_start > bytes_.size() || t.offset > bytes_.size() - data_start)
      fail("begins at " + std::to_string(t.offset) + " of the data section, past the end of the file (" +
           std::to_string(bytes_.size()) + " bytes); the file is cut short");
    t.offset += data_start;
    const GgmlType* type = find_ggml_type(t.type);
    if (type == nullptr) continue;
    if (t.shape[0] % type->values != 0)
      fail("rows of " + std::to_string(t.shape[0]) + " values are no whole number of " + type->name +
           " blocks of " + std::to_string(type->values));
    const std::uint64_t blocks = t.shape[0] / type->values * static_cast<std::uint64_t>(t.rows());
    const std::uint64_t left = bytes_.size() - t.offset;
    if (blocks > left / type->bytes)
      fail("needs " + std::to_string(blocks) + " blocks of " + std::to_string(type->bytes) +
           " bytes from offset " + std::to_string(t.offset) + ", the file has " + std::to_string(left) +
           " bytes left; it is cut short");
    t.data = bytes_.subspan(t.offset, blocks * type->bytes);
  }
}

void GgufFile::check_overlap() const {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& t : tensors_) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = *order[i - 1];
    if (before.offset == order[i]->offset || before.offset + before.data.size() > order[i]->offset)
      throw Error(ErrorCode::kBadInput,
                  label_ + ": tensors " + before.name + " and " + order[i]->name + " overlap");
  }
}

}  // namespace polysem
