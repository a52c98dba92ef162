#include "polysem/small_classifier.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

constexpr std::size_t kIn = 3, kHidden = 4, kClasses = 3, kBatch = 5;

using Parameters = std::vector<std::vector<double>>;

/// The loss written down once more, in double.
double loss_of(const Parameters& p, const std::vector<float>& x, const std::vector<std::uint8_t>& labels,
               const std::vector<float>& noise, double l1) {
  double loss = 0;
  for (std::size_t r = 0; r < kBatch; ++r) {
    std::vector<double> hidden(kHidden), logits(kClasses);
    for (std::size_t h = 0; h < kHidden; ++h) {
      double z = p[1][h];
      for (std::size_t i = 0; i < kIn; ++i) z += p[0][h * kIn + i] * x[r * kIn + i];
      hidden[h] = std::max(z, 0.0);
      loss += l1 * hidden[h] / kBatch;
    }
    double total = 0;
    for (std::size_t k = 0; k < kClasses; ++k) {
      logits[k] = p[3][k];
      for (std::size_t h = 0; h < kHidden; ++h) logits[k] += p[2][k * kHidden + h] * (hidden[h] + noise[h]);
      total += std::exp(logits[k]);
    }
    loss -= (logits[labels[r]] - std::log(total)) / kBatch;
  }
  return loss;
}

TEST(SmallClassifier, FiniteDifferences) {
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const SmallClassifierConfig config{
      .inputs = kIn, .hidden = kHidden, .classes = kClasses, .batch = kBatch, .l1 = .3, .seed = 4};
  SmallClassifier model(executor, config);
  const Random random(2, RandomStream::kData);
  std::vector<float> x, noise;
  for (std::uint64_t i = 0; i < kIn * kBatch; ++i) x.push_back(random.normal(i));
  for (std::uint64_t i = 0; i < kHidden; ++i) noise.push_back(random.normal(50 + i));
  const std::vector<std::uint8_t> labels = {0, 2, 1, 1, 0};
  const double loss = model.backward(executor.make_from(kBatch, kIn, x), labels, noise);
  Parameters p, gradients;
  for (const Tensor& t : model.parameters()) {
    const auto values = executor.download_f32(t);
    p.emplace_back(values.begin(), values.end());
  }
  for (const Tensor& t : model.gradients()) {
    const auto values = executor.download_f32(t);
    gradients.emplace_back(values.begin(), values.end());
  }
  EXPECT_NEAR(loss, loss_of(p, x, labels, noise, .3), 1e-6);
  for (std::size_t which = 0; which < p.size(); ++which) {
    for (std::size_t i = 0; i < p[which].size(); ++i) {
      const double h = 1e-6, old = p[which][i];
      p[which][i] = old + h;
      const double above = loss_of(p, x, labels, noise, .3);
      p[which][i] = old - h;
      const double below = loss_of(p, x, labels, noise, .3);
      p[which][i] = old;
      EXPECT_NEAR(gradients[which][i], (above - below) / (2 * h), 1e-6) << which << " " << i;
    }
  }
}

TEST(SmallClassifier, LearnsWhatIsSeparable) {
  const auto backend = open_backend("onednn");
  Executor executor(*backend);
  const SmallClassifierConfig config{.inputs = 2, .hidden = 16, .classes = 2, .batch = 64, .rate = 1e-2};
  SmallClassifier model(executor, config);
  const Random random(3, RandomStream::kData);
  std::vector<float> x;
  std::vector<std::uint8_t> labels;  // whether both signs agree
  for (std::uint64_t i = 0; i < 64; ++i) {
    x.push_back(random.normal(2 * i)), x.push_back(random.normal(2 * i + 1));
    labels.push_back(x[2 * i] * x[2 * i + 1] > 0);
  }
  const Array rows = executor.make_from(64, 2, x);
  double loss = 0;
  for (int step = 0; step < 500; ++step) loss = model.backward(rows, labels), model.step();
  EXPECT_LT(loss, .05);
  const auto out = model.apply(rows);
  int right = 0;
  for (std::size_t i = 0; i < 64; ++i)
    right += (out.logits[2 * i + 1] > out.logits[2 * i]) == (labels[i] == 1);
  EXPECT_EQ(right, 64);
  EXPECT_THROW(model.backward(rows, std::vector<std::uint8_t>(64, 2)), Error);
  EXPECT_THROW(SmallClassifier(executor, {.classes = 1}), Error);
}

TEST(SmallClassifier, ClassesOfNeurons) {
  // Neuron 0: class 0 alone; 1: classes 0 and 1; 2: never active.
  const std::vector<float> hidden = {4, 2, 0, 2, 2, 0, 1, 1, 0, 1, 3, 0};
  const std::vector<std::uint8_t> labels = {0, 0, 1, 1};
  EXPECT_EQ(classes_of_neurons(hidden, labels, 3, 2), (std::vector<std::int64_t>{1, 2, 0}));
}

}  // namespace
}  // namespace polysem
