#include "lib/train/checkpoint.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "polysem/error.hpp"
#include "polysem/file.hpp"
#include "polysem/safetensors.hpp"

namespace polysem {

namespace {

constexpr const char* kSchema = "polysem.checkpoint/2";  // 2: with a digest
constexpr const char* kDigest = "sha256";

/// SHA-256 over everything that a resumed run takes from the file: each text and each array behind its name
/// and its size.
class Digest {
 public:
  explicit Digest(const CheckpointText& text) {
    for (const auto& [key, value] : text)
      if (key != kDigest) add(key, std::as_bytes(std::span(value)));
  }
  void add(const std::string& name, std::span<const std::byte> bytes) {
    begin(name, bytes.size());
    update(bytes);
  }
  void begin(const std::string& name, std::uint64_t bytes) {
    const std::uint64_t sizes[] = {name.size(), bytes};
    hash_.update(std::as_bytes(std::span(sizes)));
    hash_.update(std::as_bytes(std::span(name)));
  }
  void update(std::span<const std::byte> bytes) { hash_.update(bytes); }
  std::string hex() { return hash_.hex(); }

 private:
  Sha256 hash_;
};

void expect_finite(const std::string& name, std::span<const float> values) {
  for (const float v : values) {
    if (!std::isfinite(v))
      throw Error(ErrorCode::kFailed, name +
                                          " holds values that are not finite; the checkpoint before this "
                                          "step was kept. A smaller --lr or --clip 1 may help");
  }
}

std::uint64_t bytes_of(const Tensor& t) {
  return static_cast<std::uint64_t>(t.elements()) * size_of(t.dtype);
}

/// take(bytes) some rows at a time, so that no second copy of all weights is needed.
template <class Take>
void download_pieces(Executor& executor, const NamedTensor& array, Take&& take) {
  constexpr std::int64_t kElements = std::int64_t{1} << 20;
  const Tensor& t = array.tensor;
  const std::int64_t rows = std::max<std::int64_t>(1, kElements / std::max<std::int64_t>(t.cols, 1));
  for (std::int64_t first = 0; first < t.rows; first += rows) {
    const Tensor piece = t.row_range(first, std::min(rows, t.rows - first));
    if (t.dtype == DType::kF32) {
      const auto values = executor.download_f32(piece);
      expect_finite(array.name, values);
      take(std::as_bytes(std::span(values)));
    } else {
      const auto values = executor.download_u32(piece);
      take(std::as_bytes(std::span(values)));
    }
  }
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(ErrorCode::kBadInput, file.string() + ": " + what);
}

const std::string& entry(const std::filesystem::path& file, const CheckpointText& text,
                         const std::string& key) {
  const auto it = text.find(key);
  if (it == text.end()) refuse(file, "key '" + key + "' is missing; the checkpoint is damaged");
  return it->second;
}

}  // namespace

void write_checkpoint(Executor& executor, const std::filesystem::path& file, std::vector<NamedTensor> arrays,
                      const CheckpointText& text) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error)
    throw Error(ErrorCode::kFailed,
                "cannot make the folder " + file.parent_path().string() + ": " + error.message());
  std::sort(arrays.begin(), arrays.end(),  // the order that a reader of the file finds them in
            [](const NamedTensor& a, const NamedTensor& b) { return a.name < b.name; });
  std::vector<TensorSpec> specs;
  for (const NamedTensor& array : arrays)
    specs.push_back({array.name, array.tensor.dtype, {array.tensor.rows, array.tensor.cols}});
  CheckpointText metadata = text;
  metadata["schema"] = kSchema;
  Digest digest(metadata);  // stands before the data in the file, so arrays are fetched twice
  for (const NamedTensor& array : arrays) {
    digest.begin(array.name, bytes_of(array.tensor));
    download_pieces(executor, array, [&](auto bytes) { digest.update(bytes); });
  }
  metadata[kDigest] = digest.hex();
  try {
    SafetensorsWriter writer(file, specs, metadata);
    for (const NamedTensor& array : arrays)
      download_pieces(executor, array, [&](auto bytes) { writer.write(array.name, bytes); });
    writer.commit();
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::kFailed || !std::filesystem::exists(file)) throw;
    throw Error(failure.code(),
                std::string(failure.what()) +
                    "; the checkpoint there is whole, --resume goes on from it once this is mended");
  }
}

CheckpointText read_checkpoint_text(const std::filesystem::path& file) {
  const Safetensors source(file);
  CheckpointText text = source.metadata();
  if (const auto it = text.find("schema"); it == text.end() || it->second != kSchema)
    refuse(file, std::string("expected a checkpoint of schema ") + kSchema + ", found " +
                     (it == text.end() ? "none" : it->second));
  Digest digest(text);
  for (const std::string& name : source.names()) digest.add(name, source.tensor(name).bytes);
  if (const std::string found = digest.hex(); found != entry(file, text, kDigest))
    refuse(file, "the checkpoint is damaged: its bytes have the SHA-256 " + found +
                     ", but it was written with " + entry(file, text, kDigest) +
                     "; take it from a backup, or remove the folder and train again");
  text.erase("schema");
  text.erase(kDigest);
  return text;
}

void read_checkpoint_arrays(Executor& executor, const std::filesystem::path& file,
                            const std::vector<NamedTensor>& arrays) {
  const Safetensors source(file);
  for (const NamedTensor& array : arrays) {
    const FileTensor found = source.tensor(array.name);
    const std::vector<std::int64_t> shape = {array.tensor.rows, array.tensor.cols};
    if (found.dtype != array.tensor.dtype || found.shape != shape)
      refuse(file, "tensor '" + array.name + "' has another type or shape than this run");
    if (found.dtype == DType::kF32) {
      executor.upload(array.tensor, source.read_f32(array.name));
    } else {
      std::vector<std::uint32_t> values(found.bytes.size() / sizeof(std::uint32_t));
      std::memcpy(values.data(), found.bytes.data(), found.bytes.size());
      executor.upload(array.tensor, values);
    }
  }
}

void expect_same(const std::filesystem::path& file, const CheckpointText& found,
                 const CheckpointText& expected) {
  for (const auto& [key, value] : expected) {
    if (const std::string& other = entry(file, found, key); other != value)
      refuse(file, "this checkpoint was made with " + key + " = " + other + ", now it is " + value +
                       "; resume with the options of the run that was stopped, or train into another folder");
  }
}

std::string exact(double value) {
  char text[40];  // to_chars, not printf: a program's locale may write a comma
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

double exact_value(const std::filesystem::path& file, const CheckpointText& text, const std::string& key) {
  const std::string& word = entry(file, text, key);
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value))
    refuse(file, "key '" + key + "': expected a number, found '" + word + "'");
  return value;
}

std::int64_t exact_integer(const std::filesystem::path& file, const CheckpointText& text,
                           const std::string& key) {
  const double value = exact_value(file, text, key);
  if (value < 0 || value > 9e15 || value != std::floor(value))
    refuse(file, "key '" + key + "': expected a count");
  return static_cast<std::int64_t>(value);
}

}  // namespace polysem
