#include "backends/vulkan/physical_device.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "backends/vulkan/result.hpp"
#include "polysem/error.hpp"

namespace polysem::vulkan {

namespace {

int preference(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return 4;
    default:
      return 3;
  }
}

std::string version(std::uint32_t packed) {
  return std::to_string(VK_API_VERSION_MAJOR(packed)) + "." + std::to_string(VK_API_VERSION_MINOR(packed)) +
         "." + std::to_string(VK_API_VERSION_PATCH(packed));
}

Support suitable(VkPhysicalDevice device, const VkPhysicalDeviceProperties& properties) {
  if (properties.apiVersion < VK_API_VERSION_1_2)
    return Support::no("it has Vulkan " + version(properties.apiVersion) + ", 1.2 is needed");
  auto v12 = make<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  auto v11 = make<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  auto features = make<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  v11.pNext = &v12;
  features.pNext = &v11;
  vkGetPhysicalDeviceFeatures2(device, &features);
  if (!v12.timelineSemaphore) return Support::no("it lacks timeline semaphores");
  if (!v11.storageBuffer16BitAccess) return Support::no("it lacks 16-bit storage");
  const VkPhysicalDeviceLimits& limits = properties.limits;
  if (limits.maxPerStageDescriptorStorageBuffers < kMostBindings ||
      limits.maxDescriptorSetStorageBuffers < kMostBindings)
    return Support::no("it lets a shader see only " +
                       std::to_string(limits.maxPerStageDescriptorStorageBuffers) + " buffers, " +
                       std::to_string(kMostBindings) + " are needed");
  if (limits.maxComputeWorkGroupInvocations < kMostInvocations)
    return Support::no("its work groups are too small");
  if (limits.maxComputeSharedMemorySize < kLeastShared) return Support::no("it has too little shared memory");
  if (!compute_family(device)) return Support::no("it has no queue that computes");
  return Support::yes();
}

// bf16 and f16 are stored as 16-bit integers, which a suitable device has; sums are f32 always.
std::string features_of(const Cooperative& cooperative, bool software) {
  std::string text = software ? "in software, " : "";
  text += "f32 arithmetic, bf16 and f16 storage, ";
  if (!cooperative.shape) return text + "no cooperative matrices (" + cooperative.reason + ")";
  const CooperativeShape& shape = *cooperative.shape;
  return text + "cooperative matrices for f16 (" + std::to_string(shape.m) + " x " + std::to_string(shape.n) +
         " x " + std::to_string(shape.k) + (software ? ", where POLYSEM_VK_COOPMAT is 1)" : ")");
}

struct Ranked {
  int preference;
  PhysicalDevice device;
};

Ranked describe(VkInstance instance, VkPhysicalDevice handle) {
  auto driver = make<VkPhysicalDeviceDriverProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
  auto properties = make<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  VkPhysicalDeviceProperties plain{};
  vkGetPhysicalDeviceProperties(handle, &plain);
  if (plain.apiVersion >= VK_API_VERSION_1_2) properties.pNext = &driver;
  if (plain.apiVersion >= VK_API_VERSION_1_1) vkGetPhysicalDeviceProperties2(handle, &properties);

  PhysicalDevice device;
  device.handle = handle;
  device.name = plain.deviceName;
  const std::string name = driver.driverName, details = driver.driverInfo;
  device.driver = name + (name.empty() || details.empty() ? "" : " ") + details +
                  (name.empty() && details.empty() ? "" : ", ") + "Vulkan " + version(plain.apiVersion);
  device.software = plain.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  device.suitable = suitable(handle, plain);
  const Cooperative cooperative =
      device.suitable ? find_cooperative(instance, handle) : Cooperative{std::nullopt, "not looked for"};
  device.features = features_of(cooperative, device.software);
  device.cooperative = cooperative.shape;
  return {preference(plain.deviceType), device};
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string list_of(const std::vector<PhysicalDevice>& devices) {
  std::string list;
  for (std::size_t i = 0; i < devices.size(); ++i)
    list += (i == 0 ? "" : "; ") + std::to_string(i) + ": " + devices[i].name;
  return list.empty() ? "none" : list;
}

}  // namespace

bool has_extension(VkPhysicalDevice device, std::string_view name) {
  std::uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  return std::ranges::any_of(extensions, [&](const auto& e) { return name == e.extensionName; });
}

std::vector<PhysicalDevice> describe_devices(VkInstance instance, std::span<const VkPhysicalDevice> handles) {
  std::vector<Ranked> ranked;
  for (const VkPhysicalDevice handle : handles) ranked.push_back(describe(instance, handle));
  std::ranges::stable_sort(ranked, {}, &Ranked::preference);
  std::vector<PhysicalDevice> devices;
  for (Ranked& one : ranked) devices.push_back(std::move(one.device));
  return devices;
}

std::optional<std::uint32_t> compute_family(VkPhysicalDevice device) {
  std::uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  for (std::uint32_t i = 0; i < count; ++i)
    if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) return i;
  return std::nullopt;
}

PhysicalDevice choose_device(const Instance& instance, const std::string& which) {
  const auto devices = instance.devices();
  std::size_t number = devices.size();
  const auto [end, wrong] = std::from_chars(which.data(), which.data() + which.size(), number);
  const bool by_number = wrong == std::errc() && end == which.data() + which.size();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const bool match = which.empty() ? !devices[i].software
                       : by_number   ? i == number
                                     : lower(devices[i].name).find(lower(which)) != std::string::npos;
    if (!match) continue;
    if (!devices[i].suitable)
      throw Error(ErrorCode::kBackendUnavailable,
                  "Vulkan device " + devices[i].name + " cannot be used: " + devices[i].suitable.reason);
    return devices[i];
  }
  if (which.empty() && !devices.empty())
    throw Error(ErrorCode::kBackendUnavailable,
                "the only Vulkan devices run in software, which has to be asked for by name, for instance "
                "vulkan:" +
                    devices.front().name.substr(0, devices.front().name.find(' ')));
  throw Error(ErrorCode::kBackendUnavailable,
              "there is no Vulkan device '" + which + "'; there are: " + list_of(devices));
}

}  // namespace polysem::vulkan
