// Backends that were compiled in and cannot run here, a card or a driver being absent.
#include "tests/program/program_fixture.hpp"

namespace polysem {
namespace {

using UnavailableBackend = Program;

TEST_F(UnavailableBackend, IsListedWithItsReasonAndRefusedWithIt) {
  ASSERT_EQ(run("backends --json b.json").code, 0);
  ASSERT_EQ(run("data make superposed --features 32 --dim 16 --active 2 --rows 500 --out store --quiet").code,
            0);
  const auto found = read_json("b.json");
  int refused = 0;
  for (const auto& backend : found["backends"]) {
    if (backend["available"]) continue;
    const std::string name = backend["name"], reason = backend["reason"];
    EXPECT_FALSE(reason.empty()) << name;
    expect_failure("train --data store --latents 8 --k 2 --out c --backend " + name, 4, reason);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "c"));
    ++refused;
  }
  if (refused == 0) GTEST_SKIP() << "every backend of this build can run here";
}

}  // namespace
}  // namespace polysem
