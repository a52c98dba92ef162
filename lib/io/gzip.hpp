#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace polysem::io {

/// The contents of a gzip file (RFC 1952), whose checksum must be right. Throws Error{kBadInput} with the
/// path for what is none, what is cut off, and what expands to more than `limit` bytes.
std::string read_gzip(const std::filesystem::path& path, std::uint64_t limit);

}  // namespace polysem::io
