#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polysem::io {

/// The members of a ZIP archive (PKWARE's APPNOTE 6.3.10: stored and deflated members, ZIP64) that lies in
/// memory. Opening checks the whole directory: every member inside the file, none over another. All errors
/// are Error{kBadInput}.
class ZipArchive {
 public:
  /// What read() expands a member to at most.
  static constexpr std::uint64_t kMostExpanded = std::uint64_t{16} << 30;

  ZipArchive(std::span<const std::byte> file, std::string label);

  std::vector<std::string> names() const;
  bool contains(std::string_view name) const;
  /// The member's bytes inside the archive if it is stored, else an empty span and `expanded` filled.
  /// Compares the checksum.
  std::span<const std::byte> read(std::string_view name, std::vector<std::byte>& expanded) const;

 private:
  struct Member {
    std::uint16_t method = 0;
    std::uint32_t crc = 0;
    std::uint64_t size = 0;  ///< expanded
    std::span<const std::byte> bytes;
  };
  struct Directory;
  Directory find_directory() const;
  void read_member(class ByteReader& reader, std::uint64_t data_end);
  std::span<const std::byte> locate(std::uint64_t local_header, std::uint64_t size,
                                    std::uint64_t data_end) const;
  void refuse_overlap() const;
  std::vector<std::byte> expand(const Member& member, std::string_view name) const;

  std::span<const std::byte> file_;
  std::string label_;
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace polysem::io
