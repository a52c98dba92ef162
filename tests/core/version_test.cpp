#include "polysem/version.h"

#include <gtest/gtest.h>

TEST(Version, LibraryMatchesHeaders) { EXPECT_STREQ(polysem_version(), POLYSEM_VERSION); }
