#include "lib/io/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "lib/io/byte_reader.hpp"

namespace polysem::io {
namespace {

constexpr std::uint32_t kEndMark = 0x06054b50, kEnd64Mark = 0x06064b50, kLocator64Mark = 0x07064b50,
                        kCentralMark = 0x02014b50, kLocalMark = 0x04034b50;
constexpr std::uint64_t kEndSize = 22, kLocator64Size = 20, kLongestComment = 65535;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint64_t kMostExpansion = 1032;  // of deflate, by its format

std::uint32_t checksum(std::span<const std::byte> bytes) {
  auto crc = ::crc32(0, nullptr, 0);
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
    bytes = bytes.subspan(piece.size());
  }
  return static_cast<std::uint32_t>(crc);
}

/// Sizes that did not fit into 32 bits are all ones there, and follow in the extra field with this mark.
struct Wide {
  ByteReader fields;
  std::uint64_t value(std::uint32_t narrow) {
    return narrow == 0xffffffffu ? fields.read<std::uint64_t>("a ZIP64 size") : narrow;
  }
};

Wide wide_fields(std::span<const std::byte> extra, std::string_view label) {
  ByteReader reader(extra, label);
  while (reader.left() >= 4) {
    const auto mark = reader.read<std::uint16_t>("an extra field");
    const auto size = reader.read<std::uint16_t>("an extra field");
    const auto field = reader.take(size, "an extra field");
    if (mark == 1) return {ByteReader(field, label)};
  }
  return {ByteReader({}, label)};
}

}  // namespace

struct ZipArchive::Directory {
  std::uint64_t offset = 0, size = 0, members = 0;
};

ZipArchive::ZipArchive(std::span<const std::byte> file, std::string label)
    : file_(file), label_(std::move(label)) {
  const Directory directory = find_directory();
  if (directory.offset > file_.size() || directory.size > file_.size() - directory.offset)
    bad_input(label_, {}, "the ZIP directory lies outside the file; it is damaged or cut short");
  ByteReader reader(file_.first(directory.offset + directory.size), label_, directory.offset);
  for (std::uint64_t i = 0; i < directory.members; ++i) read_member(reader, directory.offset);
  refuse_overlap();
}

ZipArchive::Directory ZipArchive::find_directory() const {
  const std::uint64_t size = file_.size();
  if (size < kEndSize) bad_input(label_, {}, "is too short for a ZIP archive");
  const std::uint64_t last = size - kEndSize;
  for (std::uint64_t at = last + 1; at-- > last - std::min(last, kLongestComment);) {
    ByteReader end(file_, label_, at);
    if (end.read<std::uint32_t>("the end record") != kEndMark) continue;
    end.take(6, "the end record");
    const auto members = end.read<std::uint16_t>("the end record");
    const auto bytes = end.read<std::uint32_t>("the end record");
    const auto offset = end.read<std::uint32_t>("the end record");
    const auto comment = end.read<std::uint16_t>("the end record");
    if (comment != end.left()) continue;
    const bool wide = members == 0xffffu || bytes == 0xffffffffu || offset == 0xffffffffu;
    if (!wide) return {offset, bytes, members};
    if (at < kLocator64Size) bad_input(label_, {}, "the ZIP64 locator is missing");
    ByteReader locator(file_, label_, at - kLocator64Size);
    if (locator.read<std::uint32_t>("the ZIP64 locator") != kLocator64Mark)
      bad_input(label_, {}, "the ZIP64 locator is missing");
    locator.take(4, "the ZIP64 locator");
    const auto where = locator.read<std::uint64_t>("the ZIP64 locator");
    if (where > at) bad_input(label_, {}, "the ZIP64 end record lies outside the file");
    ByteReader end64(file_.first(at), label_, where);
    if (end64.read<std::uint32_t>("the ZIP64 end record") != kEnd64Mark)
      end64.fail("no ZIP64 end record is here");
    end64.take(28, "the ZIP64 end record");
    Directory directory;
    directory.members = end64.read<std::uint64_t>("the ZIP64 end record");
    directory.size = end64.read<std::uint64_t>("the ZIP64 end record");
    directory.offset = end64.read<std::uint64_t>("the ZIP64 end record");
    return directory;
  }
  bad_input(label_, {}, "is no ZIP archive, or is cut short: it has no end record");
}

void ZipArchive::read_member(ByteReader& reader, std::uint64_t data_end) {
  if (reader.read<std::uint32_t>("a directory entry") != kCentralMark)
    reader.fail("no directory entry is here");
  reader.take(4, "a directory entry");
  const auto flags = reader.read<std::uint16_t>("a directory entry");
  Member member;
  member.method = reader.read<std::uint16_t>("a directory entry");
  reader.take(4, "a directory entry");
  member.crc = reader.read<std::uint32_t>("a directory entry");
  const auto packed = reader.read<std::uint32_t>("a directory entry");
  const auto size = reader.read<std::uint32_t>("a directory entry");
  const auto name_size = reader.read<std::uint16_t>("a directory entry");
  const auto extra_size = reader.read<std::uint16_t>("a directory entry");
  const auto comment_size = reader.read<std::uint16_t>("a directory entry");
  reader.take(8, "a directory entry");
  const auto offset = reader.read<std::uint32_t>("a directory entry");
  std::string name(reader.text(name_size, "a member's name"));
  Wide wide = wide_fields(reader.take(extra_size, "an extra field"), label_);
  reader.take(comment_size, "a member's comment");

  if ((flags & 1u) != 0) reader.fail("the member \"" + name + "\" is encrypted");
  if (member.method != kStored && member.method != kDeflated)
    reader.fail("the member \"" + name + "\" is packed by method " + std::to_string(member.method) +
                "; only stored and deflated members can be read");
  member.size = wide.value(size);  // this order is the format's
  const std::uint64_t packed_size = wide.value(packed);
  member.bytes = locate(wide.value(offset), packed_size, data_end);
  if (member.method == kStored && member.size != packed_size)
    reader.fail("the member \"" + name + "\" is stored, but its two sizes differ");
  if (member.size / kMostExpansion > packed_size + 1)
    reader.fail("the member \"" + name + "\" cannot expand from " + std::to_string(packed_size) + " to " +
                std::to_string(member.size) + " bytes");
  if (!members_.emplace(name, member).second) reader.fail("the member \"" + name + "\" occurs twice");
}

std::span<const std::byte> ZipArchive::locate(std::uint64_t local_header, std::uint64_t size,
                                              std::uint64_t data_end) const {
  if (local_header > data_end) bad_input(label_, {}, "a member of the ZIP archive lies outside the file");
  ByteReader reader(file_.first(data_end), label_, local_header);
  if (reader.read<std::uint32_t>("a member's header") != kLocalMark)
    reader.fail("no member's header is here");
  reader.take(22, "a member's header");
  const auto name_size = reader.read<std::uint16_t>("a member's header");
  const auto extra_size = reader.read<std::uint16_t>("a member's header");
  reader.take(name_size, "a member's header");
  reader.take(extra_size, "a member's header");
  return reader.take(size, "a member");
}

/// Archives whose members share bytes expand to far more than they hold (the "better zip bomb").
void ZipArchive::refuse_overlap() const {
  std::vector<std::span<const std::byte>> ranges;
  for (const auto& [name, member] : members_)
    if (!member.bytes.empty()) ranges.push_back(member.bytes);
  std::ranges::sort(ranges, {}, [](const auto& range) { return range.data(); });
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i - 1].data() + ranges[i - 1].size() > ranges[i].data())
      bad_input(label_, {}, "members of the ZIP archive overlap");
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> all;
  for (const auto& [name, member] : members_) all.push_back(name);
  return all;
}

bool ZipArchive::contains(std::string_view name) const { return members_.find(name) != members_.end(); }

std::span<const std::byte> ZipArchive::read(std::string_view name, std::vector<std::byte>& expanded) const {
  const auto found = members_.find(name);
  if (found == members_.end()) bad_input(label_, {}, "the member \"" + std::string(name) + "\" is missing");
  const Member& member = found->second;
  expanded = member.method == kDeflated ? expand(member, name) : std::vector<std::byte>();
  const auto bytes = member.method == kStored ? member.bytes : std::span<const std::byte>(expanded);
  if (checksum(bytes) != member.crc)
    bad_input(label_, name, "the checksum does not fit; the file is damaged");
  return member.method == kStored ? bytes : std::span<const std::byte>();
}

/// Memory grows with what comes out, not with what the directory promises.
std::vector<std::byte> ZipArchive::expand(const Member& member, std::string_view name) const {
  if (member.size > kMostExpanded)
    bad_input(label_, name,
              "would expand to " + std::to_string(member.size) +
                  " bytes; store it without compression (numpy.savez)");
  struct Stream : z_stream {
    Stream() : z_stream{} {
      if (inflateInit2(this, -MAX_WBITS) != Z_OK) throw Error(ErrorCode::kOutOfMemory, "zlib cannot start");
    }
    ~Stream() { inflateEnd(this); }
  } stream;
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::vector<std::byte> out;
  auto input = member.bytes;
  for (int state = Z_OK; state != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const auto piece = input.first(std::min<std::size_t>(input.size(), kPiece));
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): zlib does not write to its input
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(piece.data()));
      stream.avail_in = static_cast<uInt>(piece.size());
      input = input.subspan(piece.size());
    }
    const std::size_t before = out.size();
    out.resize(before + std::min<std::uint64_t>(kPiece, member.size - before + 1));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(out.size() - before);
    state = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    const bool stuck = state == Z_BUF_ERROR && input.empty();
    if ((state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) || stuck || out.size() > member.size)
      bad_input(label_, name, "the compressed data is damaged");
  }
  if (out.size() != member.size) bad_input(label_, name, "expands to another size than the directory says");
  return out;
}

}  // namespace polysem::io
