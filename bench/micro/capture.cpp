// capture/PRECISION/TOKENS: SmolLM2 up to the residual stream after block 14, contexts of 256 tokens;
// registered where ci/setup has fetched the model. The floor is what the weights' products take: 2 operations
// a weight and token.
#include <filesystem>
#include <map>
#include <memory>

#include "bench/micro/machine.hpp"
#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"
#include "polysem/cache.hpp"
#include "polysem/language_model.hpp"

namespace polysem::bench {

namespace {

constexpr std::int64_t kContext = 256, kBlock = 14;

std::filesystem::path model_path() { return cache_folder() / "SmolLM2-135M-Instruct.Q4_1.gguf"; }

/// Loaded once a precision.
LanguageModel& model(Precision precision) {
  static Executor executor(backend());
  static std::map<Precision, std::unique_ptr<LanguageModel>> models;
  auto& entry = models[precision];
  if (!entry) entry = std::make_unique<LanguageModel>(GgufFile::open(model_path()), executor, precision);
  return *entry;
}

double floor_seconds(const LlamaShape& shape, std::int64_t tokens, Precision precision) {
  const std::int64_t kv = shape.kv_heads * shape.head_dim, q = shape.heads * shape.head_dim;
  const std::int64_t block = shape.width * (2 * q + 2 * kv + 3 * shape.mlp_width);
  return 2.0 * static_cast<double>(block * (kBlock + 1) * tokens) / product_rate(precision);
}

void capture(benchmark::State& state, Precision precision, std::int64_t tokens) {
  LanguageModel& host = model(precision);
  TokenBatch batch;
  for (std::int64_t first = 0; first < tokens; first += kContext) {
    std::vector<std::int32_t> ids;
    for (std::int64_t i = first; i < first + kContext; ++i)
      ids.push_back(static_cast<std::int32_t>(i * 7919 % host.shape().vocabulary));
    batch.add(ids);
  }
  std::vector<float> rows(static_cast<std::size_t>(tokens * host.shape().width));
  const Hook hook{{kBlock, SiteKind::kResidPost}, [&](Executor& executor, const Tensor& activations) {
                    executor.download(activations, rows);
                  }};
  measure(state, host.executor(), floor_seconds(host.shape(), tokens, precision),
          [&] { host.run(batch, std::span(&hook, 1)); });
  state.counters["tokens_per_second"] = static_cast<double>(tokens) / state.counters["fastest_seconds"].value;
}

}  // namespace

void add_capture_benchmarks() {
  if (!std::filesystem::exists(model_path())) return;
  for (const Precision precision : backend().info().precisions) {
    for (const std::int64_t tokens : {kContext, 16 * kContext}) {
      add("capture/" + std::string(name(precision)) + "/" + std::to_string(tokens),
          [precision, tokens](benchmark::State& state) { capture(state, precision, tokens); });
    }
  }
}

}  // namespace polysem::bench
