#include <gtest/gtest.h>
#include <zlib.h>

#include <vector>

#include "polysem/npy.hpp"
#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::le;
using test::put;
using test::TemporaryFolder;

std::string sample(float first) {
  std::string literal = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
  literal.append(117 - literal.size(), ' ');
  return std::string("\x93NUMPY\x01\x00", 8) + le(std::uint16_t{118}) + literal + "\n" + le(first) +
         le(1.0f) + le(2.0f) + le(3.0f);
}

std::string deflate_raw(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0'), input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// A ZIP archive put together as APPNOTE says. Public members are what tests lie about.
struct Zip {
  struct Member {
    std::string name = {}, content = {};
    std::uint16_t method = 0, flags = 0;
    bool wide = false;            ///< sizes in ZIP64 fields
    std::int64_t size_lie = 0;    ///< added to the expanded size
    std::uint32_t crc_lie = 0;    ///< XORed into the checksum
    std::int64_t offset_lie = 0;  ///< added to the place of the member
  };
  std::vector<Member> members;
  bool wide_end = false;
  std::string comment = {};

  std::string bytes() const {
    std::string file, directory;
    for (const Member& m : members) {
      const std::string packed = m.method == 8 ? deflate_raw(m.content) : m.content;
      const auto crc = static_cast<std::uint32_t>(
          crc32(0, reinterpret_cast<const Bytef*>(m.content.data()), static_cast<uInt>(m.content.size())));
      const auto size = static_cast<std::uint64_t>(static_cast<std::int64_t>(m.content.size()) + m.size_lie);
      const auto offset = static_cast<std::uint64_t>(static_cast<std::int64_t>(file.size()) + m.offset_lie);
      const std::uint32_t ones = 0xffffffff;
      const auto narrow = [&](std::uint64_t v) { return le(m.wide ? ones : static_cast<std::uint32_t>(v)); };
      const std::string common = le(m.flags) + le(m.method) + le(std::uint32_t{0}) + le(crc ^ m.crc_lie) +
                                 narrow(packed.size()) + narrow(size) +
                                 le(static_cast<std::uint16_t>(m.name.size()));
      // NumPy writes a ZIP64 field into every local header.
      const std::string local =
          le(std::uint16_t{1}) + le(std::uint16_t{16}) + le(size) + le(std::uint64_t{packed.size()});
      file += le(std::uint32_t{0x04034b50}) + le(std::uint16_t{45}) + common +
              le(static_cast<std::uint16_t>(local.size())) + m.name + local + packed;
      std::string extra = le(std::uint16_t{0x9999}) + le(std::uint16_t{2}) + "??";
      if (m.wide)
        extra += le(std::uint16_t{1}) + le(std::uint16_t{24}) + le(size) + le(std::uint64_t{packed.size()}) +
                 le(offset);
      directory += le(std::uint32_t{0x02014b50}) + le(std::uint16_t{45}) + le(std::uint16_t{45}) + common +
                   le(static_cast<std::uint16_t>(extra.size())) + le(std::uint16_t{0}) +
                   std::string(8, '\0') + narrow(offset) + m.name + extra;
    }
    const std::uint64_t start = file.size(), count = members.size();
    file += directory;
    if (wide_end) {
      const std::uint64_t end64 = file.size();
      file += le(std::uint32_t{0x06064b50}) + le(std::uint64_t{44}) + le(std::uint16_t{45}) +
              le(std::uint16_t{45}) + le(std::uint32_t{0}) + le(std::uint32_t{0}) + le(count) + le(count) +
              le(std::uint64_t{directory.size()}) + le(start);
      file += le(std::uint32_t{0x07064b50}) + le(std::uint32_t{0}) + le(end64) + le(std::uint32_t{1});
    }
    const auto short_count = static_cast<std::uint16_t>(wide_end ? 0xffff : count);
    file += le(std::uint32_t{0x06054b50}) + le(std::uint32_t{0}) + le(short_count) + le(short_count) +
            le(static_cast<std::uint32_t>(directory.size())) +
            le(wide_end ? 0xffffffffu : static_cast<std::uint32_t>(start)) +
            le(static_cast<std::uint16_t>(comment.size())) + comment;
    return file;
  }
};

std::vector<float> read(const std::string& bytes, const std::string& name) {
  const TemporaryFolder folder;
  put(folder / "a.npz", bytes);
  const NpyArray array = NpzFile(folder / "a.npz").array(name);  // outlives the file object
  return array.to_f32();
}

void refuse(const Zip& zip, const std::string& part) {
  expect_error(ErrorCode::kBadInput, part, [&] { read(zip.bytes(), "a"); });
}

TEST(Npz, StoredDeflatedAndZip64) {
  Zip zip{{{"b.npy", sample(5.0f), 8},
           {"a.npy", sample(4.0f)},
           {"c.npy", sample(6.0f), 8, 0, true},
           {"notes.txt", "x"}}};
  for (const bool wide : {false, true}) {
    zip.wide_end = wide;
    for (const std::string& comment :
         {std::string(), std::string("PK\x05\x06 a comment that looks like an end")}) {
      zip.comment = comment;
      const TemporaryFolder folder;
      put(folder / "a.npz", zip.bytes());
      const NpzFile file(folder / "a.npz");
      EXPECT_EQ(file.names(), (std::vector<std::string>{"a", "b", "c"}));
      EXPECT_TRUE(file.contains("a"));
      EXPECT_FALSE(file.contains("notes"));
      EXPECT_EQ(file.array("a").to_f32(), (std::vector<float>{4, 1, 2, 3}));
      EXPECT_EQ(file.array("b").to_f32(), (std::vector<float>{5, 1, 2, 3}));
      EXPECT_EQ(file.array("c").to_f32(), (std::vector<float>{6, 1, 2, 3}));
      expect_error(ErrorCode::kBadInput, "\"zz.npy\" is missing", [&] { file.array("zz"); });
    }
  }
}

TEST(Npz, LargeMemberIsExpandedInPieces) {
  const std::int64_t count = 700000;  // 2.8 MB, and compressible like a bomb
  std::string literal = "{'descr': '<f4', 'fortran_order': False, 'shape': (700000,), }";
  literal.append(117 - literal.size(), ' ');
  const std::string content = std::string("\x93NUMPY\x01\x00", 8) + le(std::uint16_t{118}) + literal + "\n" +
                              std::string(static_cast<std::size_t>(count) * 4, '\0');
  EXPECT_EQ(read(Zip{{{"a.npy", content, 8}}}.bytes(), "a"), std::vector<float>(count, 0.0f));
}

TEST(Npz, RefusesLies) {
  const auto one = [](auto change) {
    Zip zip{{{"a.npy", sample(1.0f), 8}}};
    change(zip.members[0]);
    return zip;
  };
  using Member = Zip::Member;
  refuse(one([](Member& m) { m.crc_lie = 1; }), "a.npy: the checksum does not fit");
  refuse(one([](Member& m) { m.size_lie = 1; }), "another size");
  refuse(one([](Member& m) { m.size_lie = -1; }), "damaged");
  refuse(one([](Member& m) { m.size_lie = 1 << 30; }), "cannot expand");
  refuse(one([](Member& m) { m.method = 0, m.size_lie = 1; }), "two sizes differ");
  refuse(one([](Member& m) { m.method = 12; }), "method 12");
  refuse(one([](Member& m) { m.flags = 1; }), "encrypted");
  refuse(one([](Member& m) { m.offset_lie = 1; }), "no member's header");
  refuse(one([](Member& m) { m.offset_lie = 1 << 20; }), "outside the file");
  refuse(Zip{{{"a.npy", sample(1.0f)}, {"a.npy", sample(2.0f)}}}, "occurs twice");
  const auto first_size = static_cast<std::int64_t>(30 + 5 + 20 + sample(1.0f).size());
  refuse(Zip{{{"a.npy", sample(1.0f)}, {"b.npy", sample(1.0f), 0, 0, false, 0, 0, -first_size}}}, "overlap");
  expect_error(ErrorCode::kBadInput, "too short", [] { read("PK", "a"); });
  expect_error(ErrorCode::kBadInput, "no end record", [] { read(std::string(100, 'x'), "a"); });
}

TEST(Npz, SurvivesTruncationAndMutation) {
  const TemporaryFolder folder;
  const auto path = folder / "a.npz";
  Zip zip{{{"a.npy", sample(1.0f), 8}, {"b.npy", sample(2.0f), 0, 0, true}}};
  const auto open = [&] {
    const NpzFile file(path);
    for (const auto& name : file.names()) file.array(name).to_f32();
  };
  for (const bool wide : {false, true}) {
    zip.wide_end = wide;
    const std::string whole = zip.bytes();
    put(path, whole);
    open();
    test::refuse_every_truncation(path, whole, open);
    test::survive_mutations(path, whole, 3000, open);
  }
}

}  // namespace
}  // namespace polysem
