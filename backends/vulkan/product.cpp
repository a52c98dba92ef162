#include "backends/vulkan/product.hpp"

#include <algorithm>
#include <array>

#include "backends/vulkan/physical_device.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t m, n, k;
  std::uint32_t a_first, a_stride, a_instance;
  std::uint32_t b_first, b_stride, b_instance;
  std::uint32_t c_first, c_stride, c_instance;
  std::uint32_t bias_first, ids_first, b_row, b_rows;
  float alpha, beta;
  std::uint32_t has_bias, relu;
};

/// Tile of a work group, and of a thread.
struct Tile {
  std::uint32_t m, n, k, rows, columns;
  std::uint32_t threads() const { return m / rows * (n / columns); }
};

// Large tiles reuse more of what they load, small ones keep more of a device busy. What a sum is made of, and
// in which order, is the same for all.
Tile tile_for(const Product& p) {
  if (p.m >= 1024 && p.n >= 1024) return {128, 128, 16, 8, 8};
  return p.m <= 16 ? Tile{16, 64, 16, 4, 4} : Tile{64, 64, 16, 8, 8};
}

/// A shader with its constants 0 to 5, and the tile of C that a work group makes.
struct Variant {
  std::size_t shader;
  std::uint32_t m, n;
  std::array<std::uint32_t, 6> constants;
};

// The cooperative shader's tile is made by four subgroups, or by those that fit into a work group.
Variant variant_for(const Device& device, const Product& p) {
  if (const auto& shape = device.cooperative(); p.f16 && shape) {
    static const std::size_t shader = shader_index("gemm_cooperative");
    const std::uint32_t subgroups = std::min(4u, kMostInvocations / shape->lanes);
    return {shader, 64, 64, {subgroups * shape->lanes, shape->m, shape->n, shape->k}};
  }
  static const std::size_t shader = shader_index("gemm");
  const Tile tile = tile_for(p);
  return {shader, tile.m, tile.n, {tile.threads(), tile.m, tile.n, tile.k, tile.rows, tile.columns}};
}

}  // namespace

void record_product(const Scope& s, const Product& p) {
  const Variant variant = variant_for(s.device, p);
  const auto tiles = [](std::int64_t size, std::uint32_t step) {
    return (static_cast<std::uint64_t>(size) + step - 1) / step;
  };
  const Push push{u32(p.m),          u32(p.n),          u32(p.k),     p.a.first,         p.a.stride,
                  u32(p.a_instance), p.b.first,         p.b.stride,   u32(p.b_instance), p.c.first,
                  p.c.stride,        u32(p.c_instance), p.bias.first, p.ids.first,       u32(p.b_row),
                  u32(p.b_rows),     p.alpha,           p.beta,       p.bias ? 1u : 0u,  p.relu ? 1u : 0u};
  const auto& first = variant.constants;
  const Constants constants{first[0],      first[1],    first[2], first[3], first[4], first[5], p.transpose_a,
                            p.transpose_b, bool(p.ids), p.a.type, p.b.type, p.c.type, p.c.type};
  s.recording.dispatch(variant.shader, constants,
                       {{reads(p.a), reads(p.b), reads(p.bias), reads(p.beta != 0.0f ? p.c : View{}),
                         writes(p.c), reads(p.ids)}},
                       push,
                       {tiles(p.n, variant.n), tiles(p.m, variant.m), static_cast<std::uint64_t>(p.batch)});
}

}  // namespace polysem::vulkan
