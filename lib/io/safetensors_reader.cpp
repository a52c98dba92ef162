#include <algorithm>
#include <limits>

#include "lib/io/byte_reader.hpp"
#include "lib/io/convert.hpp"
#include "lib/io/json.hpp"
#include "lib/io/safetensors_types.hpp"
#include "polysem/safetensors.hpp"

namespace polysem {
namespace {

// Room for some 300,000 tensors. The format allows 100 MB, but parsed JSON takes many times its text.
constexpr std::uint64_t kLargestHeader = std::uint64_t{32} << 20;
constexpr std::size_t kMostDimensions = 16;

std::vector<std::int64_t> read_shape(const io::JsonView& view) {
  std::vector<std::int64_t> shape;
  for (const auto& size : view.elements()) shape.push_back(size.integer(0));
  if (shape.size() > kMostDimensions)
    view.fail("expected at most " + std::to_string(kMostDimensions) + " dimensions, found " +
              std::to_string(shape.size()));
  return shape;
}

/// The product of the shape. Sizes beside a zero count, too, so that every partial product is safe to
/// compute.
std::uint64_t count_elements(const std::vector<std::int64_t>& shape, const io::JsonView& view) {
  std::uint64_t count = 1;
  for (const auto size : shape)
    if (!io::multiply(count, std::max<std::uint64_t>(1, static_cast<std::uint64_t>(size)), count))
      view.fail("the product of the shape is too large");
  return std::ranges::find(shape, 0) != shape.end() ? 0 : count;
}

void check_size(const std::string& dtype, std::uint64_t elements, std::uint64_t bytes,
                const io::JsonView& view) {
  const auto type = io::safetensors_dtype(dtype);
  std::uint64_t expected = 0;
  if (!type) return;  // sizes of types that nobody knows cannot be checked
  if (!io::multiply(elements, size_of(*type), expected) || expected != bytes)
    view.fail("data_offsets span " + std::to_string(bytes) + " bytes, but the shape needs " +
              std::to_string(elements) + " elements of " + dtype);
}

}  // namespace

std::int64_t FileTensor::elements() const noexcept {
  return static_cast<std::int64_t>(bytes.size() / size_of(dtype));
}

Safetensors::Safetensors(const std::filesystem::path& path) : file_(path) { read_header(); }

void Safetensors::read_header() {
  const std::string file = path().string();
  io::ByteReader reader(file_.bytes(), file);
  const auto length = reader.read<std::uint64_t>("the header's length");
  if (length > kLargestHeader)
    io::bad_input(file, "offset 0",
                  "this is not a safetensors file: the header would take " + std::to_string(length) +
                      " bytes, at most " + std::to_string(kLargestHeader) + " are allowed");
  const auto text = reader.text(length, "the header");
  const io::Json header = io::parse_json(text, file, {kLargestHeader, 8});
  const io::JsonView view(header, file);
  if (!header.is_object()) view.fail("the header is not a JSON object");

  const std::uint64_t start = reader.offset(), room = reader.left();
  for (const auto& [name, value] : header.items()) {
    const auto tensor = view.at(name);
    if (name == "__metadata__") {
      for (const auto& [key, text_value] : value.items()) metadata_[key] = tensor.at(key).string();
      continue;
    }
    Entry entry{tensor.at("dtype").string(), read_shape(tensor.at("shape")), 0, 0};
    const auto offsets = tensor.at("data_offsets").elements();
    if (offsets.size() != 2) tensor.fail("data_offsets must hold two numbers");
    entry.begin = static_cast<std::uint64_t>(offsets[0].integer(0));
    entry.end = static_cast<std::uint64_t>(offsets[1].integer(0));
    if (entry.begin > entry.end || entry.end > room)
      tensor.fail("data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) +
                  ") lie outside the " + std::to_string(room) +
                  " bytes that follow the header; the file is damaged or cut short");
    check_size(entry.dtype, count_elements(entry.shape, tensor), entry.end - entry.begin, tensor);
    entry.begin += start;
    entry.end += start;
    entries_.emplace(name, std::move(entry));
  }
  check_layout(start);
}

void Safetensors::check_layout(std::uint64_t data_start) const {
  std::vector<std::pair<std::pair<std::uint64_t, std::uint64_t>, std::string_view>> order;
  for (const auto& [name, entry] : entries_) order.push_back({{entry.begin, entry.end}, name});
  std::ranges::sort(order);
  std::uint64_t next = data_start;
  for (const auto& [range, name] : order) {
    if (range.first != next)
      io::bad_input(path().string(), name,
                    "its bytes start at " + std::to_string(range.first - data_start) + ", but " +
                        std::to_string(next - data_start) + " was expected: tensors overlap or leave a gap");
    next = range.second;
  }
  if (next != file_.bytes().size())
    io::bad_input(path().string(), "offset " + std::to_string(next),
                  std::to_string(file_.bytes().size() - next) + " bytes follow that belong to no tensor");
}

std::vector<std::string> Safetensors::names() const {
  std::vector<std::string> all;
  for (const auto& [name, entry] : entries_) all.push_back(name);
  return all;
}

bool Safetensors::contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }

FileTensor Safetensors::tensor(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    io::bad_input(path().string(), {}, "the tensor \"" + std::string(name) + "\" is missing");
  const Entry& entry = found->second;
  const auto type = io::safetensors_dtype(entry.dtype);
  if (!type) io::bad_input(path().string(), name, "the element type " + entry.dtype + " is not supported");
  return {*type, entry.shape, file_.bytes().subspan(entry.begin, entry.end - entry.begin)};
}

std::vector<float> Safetensors::read_f32(std::string_view name) const {
  const FileTensor found = tensor(name);
  if (!io::is_float(found.dtype))
    io::bad_input(path().string(), name,
                  "expected floating-point numbers, found " + std::string(polysem::name(found.dtype)));
  std::vector<float> values(static_cast<std::size_t>(found.elements()));
  io::to_f32(found.dtype, found.bytes, values);
  return values;
}

std::vector<float> Safetensors::read_f32(std::string_view name, std::span<const std::int64_t> shape) const {
  const auto found = tensor(name).shape;
  if (!std::ranges::equal(found, shape))
    io::bad_input(path().string(), name,
                  "expected the shape " + io::format_shape(shape) + ", found " + io::format_shape(found));
  return read_f32(name);
}

std::vector<std::int64_t> Safetensors::read_i64(std::string_view name) const {
  const FileTensor found = tensor(name);
  if (io::is_float(found.dtype))
    io::bad_input(path().string(), name,
                  "expected integers, found " + std::string(polysem::name(found.dtype)));
  std::vector<std::int64_t> values(static_cast<std::size_t>(found.elements()));
  io::to_i64(found.dtype, found.bytes, values);
  return values;
}

std::vector<std::int32_t> Safetensors::read_i32(std::string_view name) const {
  const auto wide = read_i64(name);
  std::vector<std::int32_t> values(wide.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    if (wide[i] != static_cast<std::int32_t>(wide[i]))
      io::bad_input(
          path().string(), name,
          "element " + std::to_string(i) + ": " + std::to_string(wide[i]) + " does not fit into 32 bits");
    values[i] = static_cast<std::int32_t>(wide[i]);
  }
  return values;
}

}  // namespace polysem
