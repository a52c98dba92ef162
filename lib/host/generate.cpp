#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/language_model.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

// Inverse of the cumulative distribution softmax(logits / temperature), in order of ids and in double: the
// same draw gives the same token everywhere.
std::int32_t sample(std::span<const float> logits, double temperature, double uniform) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> weight(logits.size());
  double total = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    total += weight[i] = std::exp((static_cast<double>(logits[i]) - largest) / temperature);
  const double wanted = uniform * total;
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    sum += weight[i];
    if (wanted < sum) return static_cast<std::int32_t>(i);
  }
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::int32_t choose(std::span<const float> logits, const GenerateOptions& options, std::uint64_t index) {
  if (std::any_of(logits.begin(), logits.end(), [](float x) { return !std::isfinite(x); }))
    throw Error(ErrorCode::kFailed,
                "generate: the model's logits are not finite at token " + std::to_string(index));
  if (options.temperature == 0.0f)
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  return sample(logits, double{options.temperature},
                double{Random(options.seed, RandomStream::kSampling).uniform(index)});
}

}  // namespace

std::vector<std::int32_t> generate(LanguageModel& model, std::span<const std::int32_t> prompt,
                                   const GenerateOptions& options, std::span<const Hook> hooks,
                                   const std::function<bool(std::int32_t)>& on_token) {
  if (!(options.temperature >= 0.0f) || !std::isfinite(options.temperature))
    throw Error(ErrorCode::kInvalidArgument, "generate: temperature must be 0 or more");
  if (options.max_tokens < 0)
    throw Error(ErrorCode::kInvalidArgument, "generate: max_tokens must not be negative");
  const auto given = static_cast<std::int64_t>(prompt.size());
  if (given < 1 || given > model.shape().context)
    throw Error(ErrorCode::kInvalidArgument, "generate: the prompt has " + std::to_string(given) +
                                                 " tokens, expected 1 to the context of " +
                                                 std::to_string(model.shape().context));
  // The last token that fits is not fed back.
  const std::int64_t limit = std::min(options.max_tokens, model.shape().context - given + 1);
  std::vector<std::int32_t> made;
  if (limit < 1) return made;
  KvCache cache = model.make_cache(1, std::min(given + limit, model.shape().context));
  TokenBatch batch;
  batch.add(prompt);
  while (true) {
    const Array hidden = model.hidden(batch, hooks, &cache);
    const std::int32_t last = static_cast<std::int32_t>(batch.rows()) - 1;
    const auto logits = model.executor().download_f32(model.logits(hidden, std::span(&last, 1)));
    const std::int32_t token = choose(logits, options, made.size());
    if (token == options.stop) return made;
    made.push_back(token);
    if (on_token && !on_token(token)) return made;
    if (static_cast<std::int64_t>(made.size()) == limit) return made;
    batch = {};
    batch.add(std::span(&token, 1));
  }
}

}  // namespace polysem
