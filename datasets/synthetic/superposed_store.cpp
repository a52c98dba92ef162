#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "polysem/error.hpp"
#include "polysem/safetensors.hpp"
#include "polysem/store.hpp"
#include "polysem/superposed.hpp"

namespace polysem {
namespace {

constexpr std::int64_t kShardBytes = 64 << 20;

StoreInfo describe(const SuperposedConfig& c, std::int64_t rows) {
  const nlohmann::json recipe = {
      {"generator", "superposed"}, {"rows", rows},   {"features", c.features}, {"dim", c.dim},
      {"active", c.active},        {"zipf", c.zipf}, {"smallest", c.smallest}, {"largest", c.largest},
      {"noise", c.noise},          {"seed", c.seed}};
  StoreInfo info;
  info.dim = c.dim;
  info.recipe = recipe.dump();
  return info;
}

void write_truth(const std::filesystem::path& path, const Superposed& data, const TrueCodes& codes) {
  const std::int64_t features = data.config().features;
  const std::int64_t entries = std::ssize(codes.latents);
  SafetensorsWriter file(path, {{"dictionary", DType::kF32, {features, data.config().dim}},
                                {"probabilities", DType::kF32, {features}},
                                {"codes.row_offsets", DType::kI64, {std::ssize(codes.row_offsets)}},
                                {"codes.latents", DType::kI32, {entries}},
                                {"codes.values", DType::kF32, {entries}}});
  const std::vector<float> probabilities(data.probabilities().begin(), data.probabilities().end());
  file.write("dictionary", data.dictionary());
  file.write("probabilities", std::span<const float>(probabilities));
  file.write("codes.row_offsets", std::span<const std::int64_t>(codes.row_offsets));
  file.write("codes.latents", std::span<const std::int32_t>(codes.latents));
  file.write("codes.values", std::span<const float>(codes.values));
  file.commit();
}

}  // namespace

void write_superposed(const SuperposedConfig& config, std::int64_t rows,
                      const std::filesystem::path& folder) {
  if (rows <= 0) throw Error(ErrorCode::kInvalidArgument, "superposed: rows must be positive");
  const Superposed data(config);
  const StoreInfo info = describe(config, rows);
  StoreWriter store(folder, info);
  store.keep_shards(
      0);  // what an interrupted run left is made again: the codes are needed from the first row
  TrueCodes codes;
  std::vector<float> x(static_cast<std::size_t>(config.dim));
  const RowLabel unknown;
  for (std::int64_t row = 0; row < rows; ++row) {
    data.row(row, x, codes);
    store.append(x, {&unknown, 1});
    if (store.pending_rows() * config.dim >= kShardBytes / 4) store.end_shard("");
  }
  store.end_shard("");
  write_truth(folder / "truth.safetensors", data, codes);
  store.finish(info, {});  // last: where store.json is, the truth is complete
}

}  // namespace polysem
