// Long work goes to the device in parts, and one step of little work at once.
#include <gtest/gtest.h>

#include "backends/vulkan/queue.hpp"
#include "tests/conformance/two_steps.hpp"
#include "tests/vulkan/environment.hpp"

namespace polysem {
namespace {

using test::EnvironmentVariable;

/// How many submissions `products` products of 2 x 16^3 operations come to; their memory is made before.
std::uint64_t submissions_of(int products) {
  const auto context = std::make_shared<vulkan::Context>("llvmpipe");
  vulkan::VulkanQueue queue(context);
  constexpr std::int64_t kSide = 16;
  const vulkan::VulkanBuffer a(kSide * kSide * 4, context->arenas().allocate(kSide * kSide * 4)),
      c(kSide * kSide * 4, context->arenas().allocate(kSide * kSide * 4));
  const auto view = [](const vulkan::VulkanBuffer& buffer) {
    return Tensor{const_cast<vulkan::VulkanBuffer*>(&buffer), 0, kSide, kSide, kSide, DType::kF32};
  };
  const std::vector<float> ones(kSide * kSide, 1.0f);
  queue.upload(view(a), std::as_bytes(std::span(ones)));
  queue.synchronize();
  const std::uint64_t before = context->device().submitted();
  for (int i = 0; i < products; ++i)
    queue.run(Op(Gemm{.m = kSide, .n = kSide, .k = kSide}), std::vector{view(a), view(a), Tensor{}, view(c)});
  queue.synchronize();
  std::vector<float> found(kSide * kSide);
  const std::uint64_t sent = context->device().submitted() - before;
  queue.download(view(c), std::as_writable_bytes(std::span(found)));
  EXPECT_EQ(found, std::vector<float>(kSide * kSide, 16.0f));
  return sent;
}

TEST(VulkanSubmissions, OneForAStepAndSeveralForLongWork) {
  EXPECT_EQ(submissions_of(20), 1u);
  const EnvironmentVariable most("POLYSEM_VK_MAX_WORK", std::to_string(4 * 2 * 16 * 16 * 16));
  EXPECT_EQ(submissions_of(20), 4u);  // five products are more than four
}

TEST(VulkanSubmissions, PartsGiveTheSameBits) {
  const auto whole = test::two_steps(*open_backend(test::kSoftwareDevice));
  const EnvironmentVariable most("POLYSEM_VK_MAX_WORK", "1");
  const auto parts = test::two_steps(*open_backend(test::kSoftwareDevice));
  EXPECT_EQ(parts.w_enc, whole.w_enc);
  EXPECT_EQ(parts.w_dec, whole.w_dec);
}

}  // namespace
}  // namespace polysem
