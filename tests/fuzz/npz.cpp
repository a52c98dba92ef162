// .npz: a ZIP archive of .npy members, stored or deflated.
#include <zlib.h>

#include "polysem/error.hpp"
#include "polysem/npy.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

namespace {

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i, value >>= 8) text.push_back(static_cast<char>(value));
  return text;
}

std::string deflated(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) broken("zlib starts");
  std::string out(deflateBound(&stream, bytes.size()), '\0'), in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Archives as in PKWARE's APPNOTE: members, directory, end; with ZIP64 fields where `wide`.
class ZipWriter {
 public:
  explicit ZipWriter(bool wide) : wide_(wide) {}

  void add(const std::string& name, const std::string& bytes, bool compress) {
    const std::string stored = compress ? deflated(bytes) : bytes;
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
    const std::string sizes =
        wide_ ? std::string(8, '\xff') : number(stored.size(), 4) + number(bytes.size(), 4);
    const std::string wide_sizes =
        wide_ ? number(1, 2) + number(16, 2) + number(bytes.size(), 8) + number(stored.size(), 8)
              : std::string();
    const std::string common = number(45, 2) + number(0, 2) + number(compress ? 8 : 0, 2) + number(0, 4) +
                               number(crc, 4) + sizes + number(name.size(), 2) + number(wide_sizes.size(), 2);
    directory_ += number(0x02014b50, 4) + number(45, 2) + common + number(0, 10) +
                  number(members_.size(), 4) + name + wide_sizes;
    members_ += number(0x04034b50, 4) + common + name + wide_sizes + stored;
    ++count_;
  }

  std::string finish() const {
    const std::string sums = number(directory_.size(), 4) + number(members_.size(), 4);
    const std::string end = number(0x06054b50, 4) + number(0, 4);
    if (!wide_)
      return members_ + directory_ + end + number(count_, 2) + number(count_, 2) + sums + number(0, 2);
    const std::string end64 = number(0x06064b50, 4) + number(44, 8) + number(45, 2) + number(45, 2) +
                              number(0, 8) + number(count_, 8) + number(count_, 8) +
                              number(directory_.size(), 8) + number(members_.size(), 8);
    const std::string locator =
        number(0x07064b50, 4) + number(0, 4) + number(members_.size() + directory_.size(), 8) + number(1, 4);
    return members_ + directory_ + end64 + locator + end + std::string(12, '\xff') + number(0, 2);
  }

 private:
  bool wide_;
  std::string members_, directory_;
  std::uint64_t count_ = 0;
};

}  // namespace

void read_input(std::string_view bytes) {
  static const auto path = scratch_folder() / "input.npz";
  put(path, bytes);
  const NpzFile file(path);
  for (const std::string& name : file.names()) {
    try {
      file.array(name).to_f32();
    } catch (const Error&) {  // one damaged member must not hide the next
    }
  }
}

std::vector<std::string> seeds() {
  const auto path = scratch_folder() / "seed.npy";
  const std::int64_t shape[] = {2, 2};
  write_npy(path, shape, std::vector<float>{1, 2, 3, 4});
  std::vector<std::string> list;
  for (const bool wide : {false, true}) {
    ZipWriter zip(wide);
    zip.add("a.npy", get(path), false);
    zip.add("b.npy", get(path), true);
    list.push_back(zip.finish());
  }
  return list;
}

}  // namespace polysem::fuzz
