#include "polysem/small_classifier.hpp"

#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

void check(const SmallClassifierConfig& c) {
  const auto need = [](bool good, const char* what) {
    if (!good) throw Error(ErrorCode::kInvalidArgument, std::string("classifier: ") + what);
  };
  constexpr std::int64_t kMost = 1 << 24;
  for (const std::int64_t size : {c.inputs, c.hidden, c.batch})
    need(size >= 1 && size <= kMost, "a size is out of range");
  need(c.classes >= 2 && c.classes <= 256, "there must be 2 to 256 classes");
  need(c.rate > 0 && std::isfinite(c.rate), "the learning rate must be above 0");
  need(c.weight_decay >= 0 && std::isfinite(c.weight_decay), "the weight decay must not be negative");
  need(c.l1 >= 0 && std::isfinite(c.l1), "L1 must not be negative");
}

std::vector<float> uniform_weights(std::int64_t count, std::int64_t fan_in, std::uint64_t seed,
                                   std::uint32_t which) {
  const Random random(seed, RandomStream::kInitialisation, which);
  const float scale = 1 / std::sqrt(static_cast<float>(fan_in));
  std::vector<float> w(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = scale * (2 * random.uniform(i) - 1);
  return w;
}

}  // namespace

SmallClassifier::SmallClassifier(Executor& executor, const SmallClassifierConfig& config)
    : executor_(executor), config_(config) {
  check(config);
  const std::int64_t rows[] = {config.hidden, 1, config.classes, 1};
  const std::int64_t cols[] = {config.inputs, config.hidden, config.hidden, config.classes};
  const std::int64_t fan_in[] = {config.inputs, config.inputs, config.hidden, config.hidden};
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto start =
        uniform_weights(rows[i] * cols[i], fan_in[i], config.seed, static_cast<std::uint32_t>(i));
    parameters_[i] = {executor.make_from(rows[i], cols[i], start), executor.zeros(rows[i], cols[i]),
                      executor.zeros(rows[i], cols[i]), executor.zeros(rows[i], cols[i])};
  }
  hidden_ = executor.make(config.batch, config.hidden), noisy_ = executor.make(config.batch, config.hidden);
  logits_ = executor.make(config.batch, config.classes);
  hidden_gradient_ = executor.make(config.batch, config.hidden), noise_ = executor.zeros(1, config.hidden);
}

void SmallClassifier::forward(const Tensor& x, const Tensor& hidden, const Tensor& noisy,
                              const Tensor& logits, bool noise) {
  const auto& c = config_;
  executor_.run(Gemm{.m = x.rows, .n = c.hidden, .k = c.inputs, .transpose_b = true, .relu = true},
                {.a = x, .b = parameters_[0].value, .bias = parameters_[1].value, .c = hidden});
  if (noise)
    executor_.run(Elementwise{.kind = Elementwise::Kind::kAxpby,
                              .rows = x.rows,
                              .cols = c.hidden,
                              .b_rows = 1,
                              .b_cols = c.hidden,
                              .beta = 1.0f},
                  {.a = hidden, .b = noise_, .out = noisy});
  executor_.run(
      Gemm{.m = x.rows, .n = c.classes, .k = c.hidden, .transpose_b = true},
      {.a = noise ? noisy : hidden, .b = parameters_[2].value, .bias = parameters_[3].value, .c = logits});
}

// Logits become the gradient of the mean cross entropy, which is returned.
double SmallClassifier::softmax_gradient(std::span<const std::uint8_t> labels,
                                         std::vector<float>& logits) const {
  const auto classes = static_cast<std::size_t>(config_.classes);
  const auto scale = 1 / static_cast<double>(config_.batch);
  double loss = 0;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    float* row = logits.data() + r * classes;
    const double largest = *std::max_element(row, row + classes);
    double total = 0;
    for (std::size_t k = 0; k < classes; ++k) total += std::exp(row[k] - largest);
    loss -= scale * (row[labels[r]] - largest - std::log(total));
    for (std::size_t k = 0; k < classes; ++k)
      row[k] = static_cast<float>(scale * (std::exp(row[k] - largest) / total - (k == labels[r] ? 1 : 0)));
  }
  return loss;
}

double SmallClassifier::backward(const Tensor& x, std::span<const std::uint8_t> labels,
                                 std::span<const float> noise) {
  const auto& c = config_;
  if (x.rows != c.batch || static_cast<std::int64_t>(labels.size()) != c.batch ||
      std::any_of(labels.begin(), labels.end(), [&](std::uint8_t l) { return l >= c.classes; }))
    throw Error(ErrorCode::kInvalidArgument,
                "classifier: the batch or its labels are not what the model expects");
  if (!noise.empty()) executor_.upload(noise_, noise);
  forward(x, hidden_, noisy_, logits_, !noise.empty());
  std::vector<float> host = executor_.download_f32(logits_);
  double loss = softmax_gradient(labels, host);
  if (c.l1 > 0) {
    double sum = 0;
    for (const float value : executor_.download_f32(hidden_)) sum += value;
    loss += c.l1 * sum / static_cast<double>(c.batch);
  }
  executor_.upload(logits_, host);
  const Tensor used = noise.empty() ? hidden_.view() : noisy_.view();
  executor_.run(Gemm{.m = c.classes, .n = c.hidden, .k = c.batch, .transpose_a = true},
                {.a = logits_, .b = used, .bias = {}, .c = parameters_[2].gradient});
  executor_.run(Reduce{.along = Reduce::Along::kColumns, .rows = c.batch, .cols = c.classes},
                {.a = logits_, .b = {}, .out = parameters_[3].gradient});
  executor_.run(Gemm{.m = c.batch, .n = c.hidden, .k = c.classes},
                {.a = logits_, .b = parameters_[2].value, .bias = {}, .c = hidden_gradient_});
  executor_.run(Elementwise{.kind = Elementwise::Kind::kGate,
                            .rows = c.batch,
                            .cols = c.hidden,
                            .b_rows = c.batch,
                            .b_cols = c.hidden,
                            .beta = static_cast<float>(c.l1 / static_cast<double>(c.batch))},
                {.a = hidden_gradient_, .b = hidden_, .out = hidden_gradient_});
  executor_.run(Gemm{.m = c.hidden, .n = c.inputs, .k = c.batch, .transpose_a = true},
                {.a = hidden_gradient_, .b = x, .bias = {}, .c = parameters_[0].gradient});
  executor_.run(Reduce{.along = Reduce::Along::kColumns, .rows = c.batch, .cols = c.hidden},
                {.a = hidden_gradient_, .b = {}, .out = parameters_[1].gradient});
  return loss;
}

void SmallClassifier::step() {
  ++steps_;
  for (Parameter& p : parameters_) {
    AdamUpdate update{.rows = p.value.rows(), .cols = p.value.cols()};
    update.adam = {.rate = static_cast<float>(config_.rate),
                   .weight_decay = static_cast<float>(config_.weight_decay),
                   .step = steps_};
    executor_.run(update, {.gradient = p.gradient, .parameter = p.value, .m = p.m, .v = p.v});
  }
}

SmallClassifier::Output SmallClassifier::apply(const Tensor& x) {
  const Array hidden = executor_.make(x.rows, config_.hidden),
              logits = executor_.make(x.rows, config_.classes);
  forward(x, hidden, {}, logits, false);
  return {executor_.download_f32(hidden), executor_.download_f32(logits)};
}

std::array<Tensor, 4> SmallClassifier::parameters() const {
  return {parameters_[0].value, parameters_[1].value, parameters_[2].value, parameters_[3].value};
}
std::array<Tensor, 4> SmallClassifier::gradients() const {
  return {parameters_[0].gradient, parameters_[1].gradient, parameters_[2].gradient, parameters_[3].gradient};
}

std::vector<std::int64_t> classes_of_neurons(std::span<const float> hidden,
                                             std::span<const std::uint8_t> labels, std::int64_t neurons,
                                             std::int64_t classes) {
  const auto n = static_cast<std::size_t>(neurons), c = static_cast<std::size_t>(classes);
  std::vector<double> sums(n * c), counts(c);
  for (std::size_t r = 0; r < labels.size(); ++r) {
    ++counts[labels[r]];
    for (std::size_t j = 0; j < n; ++j) sums[j * c + labels[r]] += hidden[r * n + j];
  }
  std::vector<std::int64_t> result(n);
  for (std::size_t j = 0; j < n; ++j) {
    double largest = 0;
    for (std::size_t k = 0; k < c; ++k)
      if (counts[k] > 0) largest = std::max(largest, sums[j * c + k] /= counts[k]);
    for (std::size_t k = 0; k < c; ++k)
      if (largest > 0 && sums[j * c + k] >= largest / 2) ++result[j];
  }
  return result;
}

}  // namespace polysem
