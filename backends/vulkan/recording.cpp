#include "backends/vulkan/recording.hpp"

#include <algorithm>
#include <string>

#include "polysem/error.hpp"

namespace polysem::vulkan {

namespace {

constexpr std::uint32_t kSetsInPool = 64;
constexpr std::uint64_t kStagingBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kNothings = 256, kNothingBytes = 256;
constexpr VkPipelineStageFlags kWork = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

// One region for each row, or one for all where there are no gaps.
std::vector<VkBufferCopy> regions(const Tensor& t, std::uint64_t tensor_start, std::uint64_t packed_start,
                                  bool from_packed) {
  const std::uint64_t element = size_of(t.dtype), row = static_cast<std::uint64_t>(t.cols) * element;
  const std::uint64_t pitch = static_cast<std::uint64_t>(t.stride) * element;
  std::vector<VkBufferCopy> list;
  const auto add = [&](std::uint64_t in_tensor, std::uint64_t packed, std::uint64_t bytes) {
    list.push_back(from_packed ? VkBufferCopy{packed, in_tensor, bytes}
                               : VkBufferCopy{in_tensor, packed, bytes});
  };
  if (t.contiguous()) {
    add(tensor_start, packed_start, static_cast<std::uint64_t>(t.rows) * row);
  } else {
    for (std::uint64_t r = 0; r < static_cast<std::uint64_t>(t.rows); ++r)
      add(tensor_start + r * pitch, packed_start + r * row, row);
  }
  return list;
}

}  // namespace

Recording::Recording(std::shared_ptr<Device> device, std::shared_ptr<Pipelines> pipelines)
    : device_(std::move(device)), pipelines_(std::move(pipelines)), serial_(next_serial()) {
  const VolkDeviceTable& vk = device_->vk();
  auto info = make<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  info.queueFamilyIndex = device_->family();
  device_->call("vkCreateCommandPool",
                [&] { return vk.vkCreateCommandPool(device_->handle(), &info, nullptr, &pool_); });
  try {
    auto allocate = make<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
    allocate.commandPool = pool_;
    allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    allocate.commandBufferCount = 1;
    device_->call("vkAllocateCommandBuffers",
                  [&] { return vk.vkAllocateCommandBuffers(device_->handle(), &allocate, &commands_); });
    nothing_ = std::make_unique<Block>(*device_, kNothings * kNothingBytes, Block::Kind::kDevice);
  } catch (...) {
    vk.vkDestroyCommandPool(device_->handle(), pool_, nullptr);
    throw;
  }
}

Recording::~Recording() {
  if (drivers_are_gone()) return;
  for (const VkDescriptorPool pool : set_pools_)
    device_->vk().vkDestroyDescriptorPool(device_->handle(), pool, nullptr);
  device_->vk().vkDestroyCommandPool(device_->handle(), pool_, nullptr);
}

void Recording::begin() {
  if (begun_) return;
  auto info = make<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  device_->call("vkBeginCommandBuffer", [&] { return device_->vk().vkBeginCommandBuffer(commands_, &info); });
  begun_ = true;
}

void Recording::touch(std::span<const Touched> touched) {
  if (hazards_.meet(touched)) {
    auto barrier = make<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                            VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    if (!device_->drop_next_barrier())
      device_->vk().vkCmdPipelineBarrier(commands_, kWork, kWork, 0, 1, &barrier, 0, nullptr, 0, nullptr);
    hazards_.clear();
  }
  hazards_.add(touched);
}

void Recording::hold(const View& view) {
  if (!view || (*view.allocation)->held_by.exchange(serial_, std::memory_order_relaxed) == serial_) return;
  held_.push_back(*view.allocation);
}

VkDescriptorSet Recording::new_set(VkDescriptorSetLayout layout) {
  const VolkDeviceTable& vk = device_->vk();
  const std::size_t index = sets_used_ / kSetsInPool;
  if (index == set_pools_.size()) {
    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kSetsInPool * kMostBindings};
    auto info = make<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
    info.maxSets = kSetsInPool;
    info.poolSizeCount = 1;
    info.pPoolSizes = &size;
    VkDescriptorPool pool = VK_NULL_HANDLE;
    device_->call("vkCreateDescriptorPool",
                  [&] { return vk.vkCreateDescriptorPool(device_->handle(), &info, nullptr, &pool); });
    set_pools_.push_back(pool);
  }
  auto info = make<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  info.descriptorPool = set_pools_[index];
  info.descriptorSetCount = 1;
  info.pSetLayouts = &layout;
  VkDescriptorSet set = VK_NULL_HANDLE;
  device_->call("vkAllocateDescriptorSets",
                [&] { return vk.vkAllocateDescriptorSets(device_->handle(), &info, &set); });
  ++sets_used_;
  return set;
}

Grid Recording::rows_grid(std::uint64_t rows) const {
  if (rows == 0) return {0, 0, 0};  // nothing is dispatched
  const std::uint64_t x =
      std::min<std::uint64_t>(rows, std::min<std::uint32_t>(device_->limits().groups, 32768));
  return {x, (rows + x - 1) / x, 1};
}

// Shaders do not touch absent operands, but validation cannot know: each that might be written gets a place
// of its own.
VkDescriptorBufferInfo Recording::bound_to_nothing(bool written) {
  if (written) nothings_used_ = nothings_used_ % (kNothings - 1) + 1;
  return {nothing_->buffer(), (written ? nothings_used_ : 0) * kNothingBytes, kNothingBytes};
}

void Recording::dispatch_bytes(std::size_t shader, const Constants& constants, std::span<const Use> uses,
                               std::span<const std::byte> push, Grid grid) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  if (std::max({grid.x, grid.y, grid.z}) > device_->limits().groups)
    throw Error(ErrorCode::kUnsupported, "a shader would need more work groups than the device has");
  begin();
  const VolkDeviceTable& vk = device_->vk();
  const Pipeline& pipeline = pipelines_->get(shader, static_cast<std::uint32_t>(uses.size()), constants);
  const VkDescriptorSet set = new_set(pipeline.set_layout);

  std::array<VkDescriptorBufferInfo, kMostBindings> buffers;
  std::array<VkWriteDescriptorSet, kMostBindings> descriptors;
  std::array<Touched, kMostBindings> touched;
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < uses.size(); ++i) {
    const auto& [view, written] = uses[i];
    buffers[i] =
        view ? VkDescriptorBufferInfo{view.buffer(), view.offset, view.range} : bound_to_nothing(written);
    descriptors[i] = make<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
    descriptors[i].dstSet = set;
    descriptors[i].dstBinding = i;
    descriptors[i].descriptorCount = 1;
    descriptors[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    descriptors[i].pBufferInfo = &buffers[i];
    if (view) touched[count++] = {view.buffer(), view.offset, view.offset + view.range, written};
    hold(view);
  }
  vk.vkUpdateDescriptorSets(device_->handle(), static_cast<std::uint32_t>(uses.size()), descriptors.data(), 0,
                            nullptr);
  touch({touched.data(), count});
  vk.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
  vk.vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0,
                             nullptr);
  vk.vkCmdPushConstants(commands_, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        static_cast<std::uint32_t>(push.size()), push.data());
  vk.vkCmdDispatch(commands_, static_cast<std::uint32_t>(grid.x), static_cast<std::uint32_t>(grid.y),
                   static_cast<std::uint32_t>(grid.z));
}

// Offsets of a fill are whole words; views of words begin on them.
void Recording::zero(const View& view) {
  begin();
  hold(view);
  const std::uint64_t start = view.offset + std::uint64_t{view.first} * 4;
  const std::uint64_t end = view.offset + view.range;
  const Touched touched{view.buffer(), start, end, true};
  touch({&touched, 1});
  device_->vk().vkCmdFillBuffer(commands_, view.buffer(), start, end - start, 0);
}

Recording::Staged Recording::stage(std::uint64_t bytes) {
  const auto room = [&] {
    return staging_block_ < staging_.size() && staging_used_ + bytes <= staging_[staging_block_]->bytes();
  };
  while (!room()) {
    if (staging_block_ < staging_.size()) ++staging_block_;
    if (staging_block_ == staging_.size())
      staging_.push_back(
          std::make_unique<Block>(*device_, std::max(bytes, kStagingBytes), Block::Kind::kUpload));
    staging_used_ = 0;
  }
  const Block& block = *staging_[staging_block_];
  const Staged place{block.buffer(), staging_used_, block.data() + staging_used_};
  staging_used_ += (bytes + 15) / 16 * 16;
  staged_ += bytes;
  return place;
}

void Recording::upload(const Tensor& to, std::span<const std::byte> source) {
  begin();
  const auto& allocation = buffer_of(to).allocation();
  const Staged staged = stage(source.size());
  std::memcpy(staged.data, source.data(), source.size());
  const std::uint64_t start = allocation->offset() + to.offset;
  const Touched touched{allocation->buffer(), start, start + to.span_bytes(), true};
  View view;
  view.allocation = &allocation;
  hold(view);
  touch({&touched, 1});
  const auto list = regions(to, start, staged.offset, true);
  device_->vk().vkCmdCopyBuffer(commands_, staged.buffer, allocation->buffer(),
                                static_cast<std::uint32_t>(list.size()), list.data());
}

void Recording::download(const Tensor& from) {
  begin();
  const auto& allocation = buffer_of(from).allocation();
  const std::uint64_t bytes = static_cast<std::uint64_t>(from.elements()) * size_of(from.dtype);
  if (!readback_ || readback_->bytes() < bytes) {
    readback_.reset();
    readback_ = std::make_unique<Block>(*device_, std::max(bytes, kStagingBytes), Block::Kind::kDownload);
  }
  const std::uint64_t start = allocation->offset() + from.offset;
  const Touched touched{allocation->buffer(), start, start + from.span_bytes(), false};
  View view;
  view.allocation = &allocation;
  hold(view);
  touch({&touched, 1});
  const auto list = regions(from, start, 0, false);
  device_->vk().vkCmdCopyBuffer(commands_, allocation->buffer(), readback_->buffer(),
                                static_cast<std::uint32_t>(list.size()), list.data());
  auto barrier = make<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  device_->vk().vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0,
                                     1, &barrier, 0, nullptr, 0, nullptr);
}

void Recording::read(std::span<std::byte> destination) const {
  std::memcpy(destination.data(), readback_->data(), destination.size());
}

void Recording::submit() {
  device_->call("vkEndCommandBuffer", [&] { return device_->vk().vkEndCommandBuffer(commands_); });
  number_ = device_->submit(commands_);
}

void Recording::reset() {
  const VolkDeviceTable& vk = device_->vk();
  vk.vkResetCommandPool(device_->handle(), pool_, 0);
  for (const VkDescriptorPool pool : set_pools_) vk.vkResetDescriptorPool(device_->handle(), pool, 0);
  sets_used_ = 0;
  // What was large once is not kept.
  if (staging_.size() > 4) staging_.resize(4);
  staging_block_ = 0;
  staging_used_ = staged_ = 0;
  held_.clear();
  hazards_.clear();
  serial_ = next_serial();
  number_ = 0;
  begun_ = false;
}

}  // namespace polysem::vulkan
