#include <algorithm>

#include "lib/io/byte_reader.hpp"
#include "lib/io/json.hpp"
#include "lib/io/safetensors_types.hpp"
#include "polysem/safetensors.hpp"

namespace polysem {
namespace {

[[noreturn]] void misuse(std::string_view name, std::string_view problem) {
  throw Error(ErrorCode::kInvalidArgument,
              "safetensors: tensor \"" + std::string(name) + "\": " + std::string(problem));
}

std::uint64_t bytes_of(const TensorSpec& tensor) {
  std::uint64_t bytes = size_of(tensor.dtype);
  for (const auto size : tensor.shape)
    if (size < 0 || !io::multiply(bytes, static_cast<std::uint64_t>(size), bytes))
      misuse(tensor.name, "impossible shape " + io::format_shape(tensor.shape));
  return bytes;
}

/// A JSON string; bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text) {
  return io::Json(text).dump(-1, ' ', false, io::Json::error_handler_t::replace);
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<TensorSpec>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : file_(path) {
  std::vector<const TensorSpec*> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  std::ranges::sort(order, [](const TensorSpec* a, const TensorSpec* b) {
    const std::size_t wide_a = size_of(a->dtype), wide_b = size_of(b->dtype);
    return wide_a != wide_b ? wide_a > wide_b : a->name < b->name;
  });

  // By hand, because the JSON library's objects ask for memory in order to go, and end the program without.
  std::string text = "{";
  const auto key = [&](std::string_view name) {
    text += (text.back() == '{' ? "" : ",") + json_string(name) + ":";
  };
  if (!metadata.empty()) {
    key("__metadata__");
    text += "{";
    for (const auto& [name, value] : metadata) {
      key(name);
      text += json_string(value);
    }
    text += "}";
  }
  std::uint64_t offset = 0;
  for (const TensorSpec* tensor : order) {
    const std::uint64_t end = offset + bytes_of(*tensor);
    if (tensor->name == "__metadata__" || !places_.emplace(tensor->name, Place{offset, end}).second)
      misuse(tensor->name, "the name is reserved or occurs twice");
    key(tensor->name);
    text += "{\"dtype\":" + json_string(io::safetensors_name(tensor->dtype)) + ",\"shape\":[";
    for (const auto size : tensor->shape) text += (text.back() == '[' ? "" : ",") + std::to_string(size);
    text += "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(end) + "]}";
    offset = end;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  for (auto& [name, place] : places_) {
    place.next += length + 8;
    place.end += length + 8;
  }
  file_.write(std::as_bytes(std::span(&length, 1)));
  file_.write(std::as_bytes(std::span(text)));
}

void SafetensorsWriter::write(std::string_view name, std::span<const std::byte> bytes) {
  const auto found = places_.find(name);
  if (found == places_.end()) misuse(name, "was not declared");
  Place& place = found->second;
  if (bytes.size() > place.end - place.next) misuse(name, "more bytes than its shape holds");
  file_.write_at(place.next, bytes);
  place.next += bytes.size();
}

void SafetensorsWriter::commit() {
  for (const auto& [name, place] : places_)
    if (place.next != place.end)
      misuse(name, std::to_string(place.end - place.next) + " bytes were not written");
  file_.commit();
}

}  // namespace polysem
