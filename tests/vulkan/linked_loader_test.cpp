// A program that links the Vulkan loader itself, as programs that draw do, beside this library's own way to
// it.
#include <gtest/gtest.h>
#include <vulkan/vulkan.h>

#include "polysem/backend.hpp"
#include "tests/vulkan/environment.hpp"

namespace polysem {
namespace {

TEST(VulkanLinkedLoader, IsTheProgramsOwn) {
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  VkInstance instance = VK_NULL_HANDLE;
  ASSERT_EQ(vkCreateInstance(&info, nullptr, &instance), VK_SUCCESS);
  const auto backend = open_backend(test::kSoftwareDevice);
  std::uint32_t devices = 0;
  EXPECT_EQ(vkEnumeratePhysicalDevices(instance, &devices, nullptr), VK_SUCCESS);
  EXPECT_GE(devices, 1u);
  EXPECT_EQ(backend->allocate(100)->bytes(), 100u);
  vkDestroyInstance(instance, nullptr);
}

}  // namespace
}  // namespace polysem
