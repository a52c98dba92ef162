#include "lib/io/gzip.hpp"

#include <zlib.h>

#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem::io {

namespace {

/// zlib's inflate, ended in every case.
class Inflate {
 public:
  Inflate() {
    constexpr int kGzipOnly = 15 + 16;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK)
      throw Error(ErrorCode::kOutOfMemory, "zlib found no memory");
  }
  ~Inflate() { inflateEnd(&stream_); }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;
  z_stream& stream() noexcept { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

std::string read_gzip(const std::filesystem::path& path, std::uint64_t limit) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::kBadInput, path.string() + ": " + what);
  };
  constexpr std::uint64_t kMostPacked = std::uint64_t{1} << 31;  // zlib counts in unsigned int
  std::string packed = read_file(path, kMostPacked);
  Inflate inflater;
  z_stream& z = inflater.stream();
  z.next_in = reinterpret_cast<Bytef*>(packed.data());
  z.avail_in = static_cast<uInt>(packed.size());
  constexpr std::size_t kPiece = 1 << 20;
  std::string result;
  for (;;) {
    const std::size_t done = result.size();
    result.resize(done + kPiece);
    z.next_out = reinterpret_cast<Bytef*>(result.data() + done);
    z.avail_out = kPiece;
    const int status = inflate(&z, Z_NO_FLUSH);
    result.resize(done + kPiece - z.avail_out);
    if (result.size() > limit)
      refuse("expands to more than the " + std::to_string(limit) + " bytes expected");
    if (status == Z_STREAM_END) break;
    if (status == Z_BUF_ERROR || (status == Z_OK && z.avail_in == 0 && z.avail_out > 0)) refuse("is cut off");
    if (status != Z_OK) refuse("is not a sound gzip file");
  }
  if (z.avail_in > 0) refuse("goes on after the end of its gzip stream");
  return result;
}

}  // namespace polysem::io
