// Memory of a training run: what happens where it runs out, and that a long run takes no more of it than a
// short one.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>

#include "polysem/evaluate_coder.hpp"
#include "polysem/file.hpp"
#include "polysem/random.hpp"
#include "polysem/recipe.hpp"
#include "polysem/trainer.hpp"
#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/train/failing_memory.hpp"

namespace polysem {
namespace {

using test::TemporaryFolder;

constexpr std::int64_t kDim = 6, kRows = 120;

class NormalRows final : public RowSource {
 public:
  std::int64_t rows() const override { return kRows; }
  std::int64_t dim() const override { return kDim; }
  std::uint64_t bytes() const override { return kRows * kDim * 4; }
  std::string identity() const override { return "normal rows"; }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    const Random random(4, RandomStream::kData);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = 3.0f + random.normal(static_cast<std::uint64_t>(ids[i / kDim]) * kDim + i % kDim);
  }
};

/// Latents die soon, so that AuxK has something to do.
TrainConfig config_of(const Recipe& recipe, std::int64_t steps) {
  TrainConfig config;
  config.coder = {.recipe = std::string(recipe.name), .d_in = kDim, .d_out = kDim, .latents = 16, .k = 2};
  config.coder.aux_k = 3;
  config.coder.dead_window = 20;
  config.batch = 12;
  config.rate = {.peak = 3e-3, .steps = steps};
  config.log_every = 2;
  config.checkpoint_every = 2;
  return config;
}

/// A run of four steps that stands after its second, and what it has to come to.
struct Begun {
  test::TemporaryFolder folder;
  std::string state, final_state;  ///< its checkpoint, and the one after the last step
  std::filesystem::path file() const { return folder / "checkpoint" / "state.safetensors"; }

  /// What must hold after it went on and failed: the one checkpoint or the other, and nothing else.
  void expect_nothing_lost(const Error& error) const {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
    const std::string found = read_file(file());
    EXPECT_TRUE(found == state || found == final_state);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder / "checkpoint"))
      ++files;
    EXPECT_EQ(files, 1u);
  }
};

class Memory : public testing::TestWithParam<std::string> {
 protected:
  Memory() : backend_(open_backend(GetParam(), 2)) {}

  void go_on(Backend& backend, const TrainConfig& config, const std::filesystem::path& folder) {
    Executor executor(backend);
    Trainer trainer(executor, data_, config, folder);
    trainer.resume();
    trainer.run({});
  }

  std::unique_ptr<Begun> begin(const TrainConfig& config) {
    auto begun = std::make_unique<Begun>();
    Executor executor(*backend_);
    Trainer trainer(executor, data_, config, begun->folder.path());
    EXPECT_THROW(trainer.run({.stop_requested = [&] { return trainer.step() == 2; }}), Error);
    begun->state = read_file(begun->file());
    trainer.run({});
    begun->final_state = read_file(begun->file());
    return begun;
  }

  NormalRows data_;
  std::unique_ptr<Backend> backend_;
};

// Every request for memory of two steps with a log line and a checkpoint, refused in turn.
TEST_P(Memory, RefusedAtEveryRequestOfTheProcess) {
  for (const Recipe* recipe : recipes()) {
    SCOPED_TRACE(recipe->name);
    const TrainConfig config = config_of(*recipe, 4);
    const auto begun = begin(config);
    std::int64_t failed = 0;
    bool struck = true;
    for (std::int64_t number = 1; struck && !HasFailure(); ++number) {
      SCOPED_TRACE(number);
      test::put(begun->file(), begun->state);
      Executor executor(*backend_);
      Trainer trainer(executor, data_, config, begun->folder.path());
      trainer.resume();
      try {
        const test::FailingMemory memory(number);
        trainer.run({});
        struck = memory.struck();
        EXPECT_EQ(read_file(begun->file()), begun->final_state);  // refused or not
      } catch (const Error& error) {
        ++failed;
        begun->expect_nothing_lost(error);
      } catch (const std::bad_alloc&) {  // not even the message found room
        ++failed;
      }
    }
    EXPECT_GT(failed, 100);
  }
}

TEST_P(Memory, RefusedAtEveryAllocationOfTheBackend) {
  for (const Recipe* recipe : recipes()) {
    SCOPED_TRACE(recipe->name);
    const TrainConfig config = config_of(*recipe, 4);
    const auto begun = begin(config);
    std::int64_t number = 1;
    for (bool struck = true; struck && !HasFailure(); ++number) {
      SCOPED_TRACE(number);
      test::put(begun->file(), begun->state);
      test::FailingBackend backend(*backend_, number);
      try {
        go_on(backend, config, begun->folder.path());
        EXPECT_EQ(read_file(begun->file()), begun->final_state);
      } catch (const Error& error) {
        begun->expect_nothing_lost(error);
      }
      struck = backend.struck();
    }
    EXPECT_GT(number, 20);
  }
}

/// Bytes that are resident, and bytes that malloc has given out and not got back.
struct Usage {
  std::int64_t resident = 0, in_use = 0;
  static Usage now() {
    std::int64_t pages = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    const auto info = mallinfo2();
    return {resident * sysconf(_SC_PAGESIZE), static_cast<std::int64_t>(info.uordblks + info.hblkhd)};
  }
};

// 1000 steps with a log line every second one, an evaluation every tenth and a checkpoint every twentieth.
// Allowed after the first 200: 64 KiB more in use, which is 80 bytes a step (the smallest thing that a step
// makes, a row of a batch, has 24 and a shared pointer 40 or more), and 4 MiB more resident, for what malloc
// keeps of freed memory in each thread's arena.
TEST_P(Memory, StaysFlat) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep freed memory, and give no account of it";
#endif
  // oneDNN makes a kernel of some 50 KB when a size first occurs, on each thread, and keeps it.
  const std::int64_t allowed = GetParam() == "onednn" ? 256 << 10 : 64 << 10;
  const auto one_thread = open_backend(GetParam(), 1);
  for (const Recipe* recipe : recipes()) {
    SCOPED_TRACE(recipe->name);
    const TemporaryFolder folder;
    TrainConfig config = config_of(*recipe, 1000);
    config.checkpoint_every = 20;
    Executor executor(*one_thread);
    Trainer trainer(executor, data_, config, folder.path());
    Usage before;
    trainer.run({.on_step = [&](std::int64_t step) {
      if (step % 10 == 0) evaluate_coder(executor, config.coder, trainer.folded_weights(), data_, 64);
      if (step == 200) before = Usage::now();
    }});
    const Usage after = Usage::now();
    EXPECT_LT(after.in_use - before.in_use, allowed);
    EXPECT_LT(after.resident - before.resident, 4 << 20);
  }
}

/// Those on the processor: the driver of a device is not ours to starve.
std::vector<std::string> backends_on_the_processor() {
  std::vector<std::string> names;
  for (const BackendEntry* entry : registered_backends())
    if ((entry->name == "reference" || entry->name == "onednn") && entry->probe())
      names.emplace_back(entry->name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Slow, Memory, testing::ValuesIn(backends_on_the_processor()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace polysem
