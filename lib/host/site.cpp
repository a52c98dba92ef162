#include "polysem/site.hpp"

#include <charconv>

#include "polysem/error.hpp"

namespace polysem {

namespace {

constexpr std::string_view kPrefix = "blocks.";
constexpr std::string_view kKinds[] = {"hook_resid_pre",      "hook_attn_out", "hook_resid_mid",
                                       "ln2.hook_normalized", "mlp.hook_post", "hook_mlp_out",
                                       "hook_resid_post"};

[[noreturn]] void fail(std::string_view name, std::int64_t blocks) {
  std::string message = "site \"" + std::string(name) + "\": expected blocks.N.KIND with N from 0 to " +
                        std::to_string(blocks - 1) + " and KIND one of";
  for (const std::string_view kind : kKinds) message += " " + std::string(kind);
  throw Error(ErrorCode::kInvalidArgument, message);
}

}  // namespace

Site Site::parse(std::string_view name, std::int64_t blocks) {
  const std::size_t dot = name.find('.', kPrefix.size());
  if (!name.starts_with(kPrefix) || dot == std::string_view::npos) fail(name, blocks);
  const std::string_view number = name.substr(kPrefix.size(), dot - kPrefix.size());
  std::int64_t block = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), block);
  if (error != std::errc() || end != number.data() + number.size() || block < 0 || block >= blocks)
    fail(name, blocks);
  for (std::size_t i = 0; i < std::size(kKinds); ++i)
    if (name.substr(dot + 1) == kKinds[i]) return {block, static_cast<SiteKind>(i)};
  fail(name, blocks);
}

std::string Site::name() const {
  return std::string(kPrefix) + std::to_string(block) + "." +
         std::string(kKinds[static_cast<std::size_t>(kind)]);
}

}  // namespace polysem
