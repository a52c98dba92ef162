// Makes a libFuzzer program of a target. `TARGET --write-seeds=FOLDER` writes the seeds and ends.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "polysem/error.hpp"
#include "tests/fuzz/target.hpp"

// Files that are mapped are copied to the heap instead: a read past the end of a mapping stays unnoticed as
// long as it lands in the file's last page, past the end of the heap it is a finding.
extern "C" void* __wrap_mmap(void*, std::size_t size, int, int, int descriptor, off_t offset) {
  auto* bytes = static_cast<char*>(std::malloc(size));
  std::size_t done = 0;
  while (bytes != nullptr && done < size) {
    const ssize_t got = pread(descriptor, bytes + done, size - done, offset + static_cast<off_t>(done));
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (done == size) return bytes;
  std::free(bytes);
  return MAP_FAILED;
}

extern "C" int __wrap_munmap(void* bytes, std::size_t) {
  std::free(bytes);
  return 0;
}

namespace polysem::fuzz {

void broken(std::string_view property) {
  std::fprintf(stderr, "broken property: %.*s\n", static_cast<int>(property.size()), property.data());
  std::abort();
}

const std::filesystem::path& scratch_folder() {
  static const struct Folder {
    std::filesystem::path path;
    Folder() {
      const bool memory = access("/dev/shm", W_OK) == 0;
      std::string name = memory ? "/dev/shm" : std::filesystem::temp_directory_path().string();
      name += "/polysem-fuzz-XXXXXX";
      if (mkdtemp(name.data()) == nullptr) broken("a scratch folder can be made");
      path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  } folder;
  return folder.path;
}

void put(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) broken("a scratch file can be written");
}

std::string get(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string_view> split(std::string_view bytes, std::size_t parts) {
  std::vector<std::string_view> list(parts);
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t end = i + 1 < parts ? bytes.find(kSeparator) : bytes.npos;
    list[i] = bytes.substr(0, end);
    bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + kSeparator.size());
  }
  return list;
}

std::string safetensors_of(std::string_view header, std::string_view data) {
  const std::uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file.append(header).append(data);
}

std::string safetensors_parts(std::string_view file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  file.remove_prefix(sizeof length);
  return std::string(file.substr(0, length)).append(kSeparator).append(file.substr(length));
}

namespace {

int write_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::size_t number = 0;
  for (const std::string& seed : seeds()) put(folder / ("seed-" + std::to_string(number++)), seed);
  return number > 0 ? 0 : 1;
}

using Draw = std::minstd_rand;

/// Where files say sizes in words, two numbers often have to change alike to get past the first check: one
/// decimal number becomes another, at one place or wherever it stands.
std::string with_another_number(std::string_view text, Draw& draw) {
  constexpr std::string_view kDigits = "0123456789";
  const std::size_t begin = text.find_first_of(kDigits, draw() % text.size());
  if (begin == text.npos) return std::string(text);
  const std::size_t end = std::min(text.find_first_not_of(kDigits, begin), text.size());
  const std::string_view old = text.substr(begin, end - begin);
  const std::uint64_t value = std::strtoull(std::string(old).c_str(), nullptr, 10);
  const std::uint64_t others[] = {value + 1,           value - 1,   value * 2,
                                  value + draw() % 64, draw() % 16, ~std::uint64_t{0} >> draw() % 64};
  const std::string other = std::to_string(others[draw() % std::size(others)]);
  const bool everywhere = draw() % 2 == 0;
  std::string out(text.substr(0, begin));
  out += other;
  for (std::size_t i = end; i < text.size();) {
    const bool here = everywhere && text.substr(i).starts_with(old);
    out += here ? std::string_view(other) : text.substr(i, 1);
    i += here ? old.size() : 1;
  }
  return out;
}

}  // namespace
}  // namespace polysem::fuzz

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

// libFuzzer's own changes, and two that are rare among them: a file that is cut short, another number.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  polysem::fuzz::Draw draw(seed);
  const auto choice = draw() % 8;
  if (choice == 0 && size > 1) return size - 1 - draw() % std::min<std::size_t>(size - 1, 16);
  if (choice > 1 || size == 0) return LLVMFuzzerMutate(data, size, most);
  const std::string text =
      polysem::fuzz::with_another_number({reinterpret_cast<const char*>(data), size}, draw).substr(0, most);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kOption = "--write-seeds=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view word = (*argv)[i];
    if (word.starts_with(kOption)) std::exit(polysem::fuzz::write_seeds(word.substr(kOption.size())));
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    polysem::fuzz::read_input({reinterpret_cast<const char*>(data), size});
  } catch (const polysem::Error& error) {
    if (*error.what() == '\0') polysem::fuzz::broken("an error says something");
  }
  return 0;
}
