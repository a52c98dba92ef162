#include "bench/program/incidental/classifier.hpp"

#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "polysem/small_classifier.hpp"

namespace polysem::program::incidental {

namespace {

/// Images on the device, pixels from 0 to 1, and their labels.
struct DeviceImages {
  Array pixels;
  std::span<const std::uint8_t> labels;
};

DeviceImages upload(Executor& executor, const LabelledImages& images) {
  std::vector<float> pixels(images.pixels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(images.pixels[i]) / 255.0f;
  return {executor.make_from(images.rows, images.pixels_each(), pixels), images.labels};
}

/// Batches in random order with replacement.
class Batches {
 public:
  Batches(Executor& executor, const DeviceImages& images, const ClassifierRun& run, std::uint64_t seed)
      : executor_(executor),
        images_(images),
        random_(seed, RandomStream::kShuffle),
        ids_(static_cast<std::size_t>(run.batch)),
        labels_(ids_.size()),
        device_ids_(executor.make(1, run.batch, DType::kI32)),
        rows_(executor.make(run.batch, images.pixels.cols())) {}

  const Array& next() {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      ids_[i] = static_cast<std::int32_t>(random_.below(images_.labels.size(), drawn_++));
      labels_[i] = images_.labels[static_cast<std::size_t>(ids_[i])];
    }
    executor_.upload(device_ids_, ids_);
    executor_.run(GatherRows{.rows = rows_.rows(), .cols = rows_.cols(), .table_rows = images_.pixels.rows()},
                  {.table = images_.pixels, .ids = device_ids_, .out = rows_});
    return rows_;
  }
  std::span<const std::uint8_t> labels() const { return labels_; }

 private:
  Executor& executor_;
  const DeviceImages& images_;
  Random random_;
  std::vector<std::int32_t> ids_;
  std::vector<std::uint8_t> labels_;
  Array device_ids_, rows_;
  std::uint64_t drawn_ = 0;
};

std::vector<float> draw(const TiedNoise& noise, const Random& random, std::uint64_t first,
                        std::int64_t count) {
  if (noise.kind == TiedNoise::Kind::kNone || noise.sd == 0) return {};
  std::vector<float> values(static_cast<std::size_t>(count));
  const auto sd = static_cast<float>(noise.sd);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = noise.kind == TiedNoise::Kind::kGaussian ? sd * random.normal(first + i)
                : (random.bits(first + i) >> 31) != 0    ? sd
                                                         : -sd;
  return values;
}

struct Score {
  double accuracy = 0, polysemantic = 0, live = 0;
};

Score score(SmallClassifier& model, const DeviceImages& test, std::int64_t hidden, std::int64_t classes) {
  const SmallClassifier::Output out = model.apply(test.pixels);
  const auto width = static_cast<std::size_t>(classes);
  double right = 0;
  for (std::size_t r = 0; r < test.labels.size(); ++r) {
    const auto row = out.logits.begin() + static_cast<std::ptrdiff_t>(r * width);
    const auto best = std::max_element(row, row + static_cast<std::ptrdiff_t>(width)) - row;
    right += best == test.labels[r] ? 1 : 0;
  }
  const auto held = classes_of_neurons(out.hidden, test.labels, hidden, classes);
  const auto live =
      static_cast<double>(std::count_if(held.begin(), held.end(), [](auto c) { return c > 0; }));
  const auto several =
      static_cast<double>(std::count_if(held.begin(), held.end(), [](auto c) { return c > 1; }));
  return {right / static_cast<double>(test.labels.size()), live > 0 ? several / live : 0.0,
          live / static_cast<double>(hidden)};
}

}  // namespace

void measure_classifiers(const Arguments& arguments, Session& session, const FashionMnist& images,
                         const ClassifierRun& run, std::vector<ClassifierPoint>& points) {
  constexpr std::int64_t kClasses = 10;
  Executor& executor = session.executor();
  const DeviceImages train = upload(executor, images.train), test = upload(executor, images.test);
  const auto runs = static_cast<std::int64_t>(points.size()) * run.seeds;
  Progress progress("classifiers: step", runs * run.steps, arguments.flag("quiet"));
  std::int64_t done = 0;
  for (ClassifierPoint& point : points) {
    std::vector<double> accuracy, polysemantic, live;
    for (std::int64_t s = 0; s < run.seeds; ++s) {
      const std::uint64_t seed = run.seed + static_cast<std::uint64_t>(s);
      SmallClassifier model(executor, {.inputs = images.train.pixels_each(),
                                       .hidden = run.hidden,
                                       .classes = kClasses,
                                       .batch = run.batch,
                                       .rate = run.rate,
                                       .weight_decay = point.weight_decay,
                                       .l1 = point.l1,
                                       .seed = seed});
      Batches batches(executor, train, run, seed);
      const Random random(seed, RandomStream::kNoise);
      for (std::int64_t step = 0; step < run.steps; ++step) {
        if (stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped by the user");
        const Array& rows = batches.next();
        model.backward(rows, batches.labels(),
                       draw(point.noise, random, static_cast<std::uint64_t>(step * run.hidden), run.hidden));
        model.step();
        progress.update(++done);
      }
      const Score found = score(model, test, run.hidden, kClasses);
      accuracy.push_back(found.accuracy), polysemantic.push_back(found.polysemantic),
          live.push_back(found.live);
    }
    point.accuracy = mean_of(accuracy), point.polysemantic = mean_of(polysemantic),
    point.live = mean_of(live);
  }
}

}  // namespace polysem::program::incidental
