#include "polysem/site.hpp"

#include <gtest/gtest.h>

#include "polysem/error.hpp"

namespace polysem {
namespace {

TEST(Site, NamesReadBackAsThemselves) {
  for (const char* name : {"blocks.0.hook_resid_pre", "blocks.14.hook_resid_mid", "blocks.14.hook_resid_post",
                           "blocks.3.hook_attn_out", "blocks.7.hook_mlp_out", "blocks.29.ln2.hook_normalized",
                           "blocks.9.mlp.hook_post"})
    EXPECT_EQ(Site::parse(name, 30).name(), name);
  EXPECT_EQ(Site::parse("blocks.14.hook_resid_post", 30), (Site{14, SiteKind::kResidPost}));
}

TEST(Site, OrderIsThatOfComputation) {
  const char* order[] = {"blocks.1.hook_resid_pre",      "blocks.1.hook_attn_out", "blocks.1.hook_resid_mid",
                         "blocks.1.ln2.hook_normalized", "blocks.1.mlp.hook_post", "blocks.1.hook_mlp_out",
                         "blocks.1.hook_resid_post",     "blocks.2.hook_resid_pre"};
  for (std::size_t i = 1; i < std::size(order); ++i)
    EXPECT_LT(Site::parse(order[i - 1], 3), Site::parse(order[i], 3));
}

TEST(Site, ErrorsListWhatIsValid) {
  for (const char* name : {"", "blocks", "blocks.", "blocks.1", "blocks.1.", "blocks.30.hook_resid_pre",
                           "blocks.-1.hook_resid_pre", "blocks.+1.hook_resid_pre", "blocks.1x.hook_resid_pre",
                           "blocks..hook_resid_pre", "blocks.99999999999999999999.hook_resid_pre",
                           "blocks.1.hook_resid", "Blocks.1.hook_resid_pre"}) {
    try {
      Site::parse(name, 30);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      const std::string message = error.what();
      EXPECT_NE(message.find("0 to 29"), std::string::npos) << message;
      EXPECT_NE(message.find("ln2.hook_normalized"), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace polysem
