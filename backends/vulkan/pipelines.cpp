#include "backends/vulkan/pipelines.hpp"

#include "backends/vulkan/pipeline_cache.hpp"

namespace polysem::vulkan {

Pipelines::Pipelines(std::shared_ptr<Device> device)
    : device_(std::move(device)), modules_(shaders().size()) {
  const auto stored = load_pipeline_cache(*device_);
  auto info = make<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  info.initialDataSize = stored.size();
  info.pInitialData = stored.data();
  device_->call("vkCreatePipelineCache", [&] {
    return device_->vk().vkCreatePipelineCache(device_->handle(), &info, nullptr, &cache_);
  });
}

Pipelines::~Pipelines() {
  if (drivers_are_gone()) return;
  if (!pipelines_.empty()) store_pipeline_cache(*device_, cache_);
  const VolkDeviceTable& vk = device_->vk();
  const VkDevice device = device_->handle();
  for (const auto& [key, pipeline] : pipelines_) vk.vkDestroyPipeline(device, pipeline.handle, nullptr);
  for (const VkShaderModule module : modules_) vk.vkDestroyShaderModule(device, module, nullptr);
  for (const Layout& layout : layouts_) {
    vk.vkDestroyPipelineLayout(device, layout.pipeline, nullptr);
    vk.vkDestroyDescriptorSetLayout(device, layout.set, nullptr);
  }
  vk.vkDestroyPipelineCache(device, cache_, nullptr);
}

const Pipeline& Pipelines::get(std::size_t shader, std::uint32_t bindings, const Constants& constants) {
  const std::lock_guard lock(mutex_);
  static const std::size_t nothing = shader_index("empty");
  const Key key =
      device_->settings().empty_shaders ? Key{nothing, bindings, {}} : Key{shader, bindings, constants};
  if (const auto found = pipelines_.find(key); found != pipelines_.end()) return found->second;
  const Layout& l = layout(bindings);
  return pipelines_.emplace(key, Pipeline{create(key), l.pipeline, l.set}).first->second;
}

const Pipelines::Layout& Pipelines::layout(std::uint32_t bindings) {
  Layout& l = layouts_.at(bindings);
  const VolkDeviceTable& vk = device_->vk();
  if (l.set == VK_NULL_HANDLE) {
    std::vector<VkDescriptorSetLayoutBinding> list(bindings);
    for (std::uint32_t i = 0; i < bindings; ++i)
      list[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
    auto set = make<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
    set.bindingCount = bindings;
    set.pBindings = list.data();
    device_->call("vkCreateDescriptorSetLayout",
                  [&] { return vk.vkCreateDescriptorSetLayout(device_->handle(), &set, nullptr, &l.set); });
  }
  if (l.pipeline == VK_NULL_HANDLE) {
    const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, kPushBytes};
    auto info = make<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
    info.setLayoutCount = 1;
    info.pSetLayouts = &l.set;
    info.pushConstantRangeCount = 1;
    info.pPushConstantRanges = &push;
    device_->call("vkCreatePipelineLayout",
                  [&] { return vk.vkCreatePipelineLayout(device_->handle(), &info, nullptr, &l.pipeline); });
  }
  return l;
}

VkShaderModule Pipelines::module(std::size_t shader) {
  if (modules_[shader] == VK_NULL_HANDLE) {
    const auto words = shaders()[shader].words;
    auto info = make<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
    info.codeSize = words.size_bytes();
    info.pCode = words.data();
    device_->call("vkCreateShaderModule", [&] {
      return device_->vk().vkCreateShaderModule(device_->handle(), &info, nullptr, &modules_[shader]);
    });
  }
  return modules_[shader];
}

VkPipeline Pipelines::create(const Key& key) {
  std::array<VkSpecializationMapEntry, Constants::kMost> entries{};
  for (std::uint32_t i = 0; i < key.constants.count; ++i) entries[i] = {i, i * 4, 4};
  VkSpecializationInfo constants{};
  constants.mapEntryCount = key.constants.count;
  constants.pMapEntries = entries.data();
  constants.dataSize = key.constants.count * 4;
  constants.pData = key.constants.values.data();
  auto info = make<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module(key.shader);
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &constants;
  info.layout = layouts_[key.bindings].pipeline;
  VkPipeline pipeline = VK_NULL_HANDLE;
  device_->call("vkCreateComputePipelines", [&] {
    return device_->vk().vkCreateComputePipelines(device_->handle(), cache_, 1, &info, nullptr, &pipeline);
  });
  return pipeline;
}

}  // namespace polysem::vulkan
