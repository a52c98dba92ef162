#include <openssl/evp.h>

#include <array>
#include <vector>

#include "lib/io/system_call.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem {
namespace {

void check(int result) {
  if (result != 1) throw Error(ErrorCode::kFailed, "SHA-256 is not available in this OpenSSL");
}

}  // namespace

struct Sha256::Context {
  struct Free {
    void operator()(EVP_MD_CTX* pointer) const noexcept { EVP_MD_CTX_free(pointer); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> digest{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  check(context_->digest ? EVP_DigestInit_ex(context_->digest.get(), EVP_sha256(), nullptr) : 0);
}

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(context_->digest.get(), bytes.data(), bytes.size()));
}

std::string Sha256::hex() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_->digest.get(), digest.data(), &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const auto file = io::Descriptor::open_for_reading(path);
  std::vector<std::byte> piece(std::size_t{1} << 20);
  Sha256 hash;
  for (;;) {
    const std::size_t got = io::read_up_to(file, piece, path);
    hash.update(std::span(piece).first(got));
    if (got < piece.size()) return hash.hex();
  }
}

}  // namespace polysem
