// Memory and queues of every backend: what an op's own result does not show.
#include <gtest/gtest.h>

#include <thread>

#include "polysem/executor.hpp"
#include "tests/conformance/backends.hpp"

namespace polysem::conformance {
namespace {

using Values = std::vector<float>;

class Queues : public BackendTest {};

Values counted(std::int64_t count, float first) {
  Values values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(first + static_cast<float>(i));
  return values;
}

/// x (1, 1, ..) times W^T: the sums of W's rows, by gemm.
Values row_sums(Executor& run, const Tensor& w) {
  const Array x = run.make_from(1, w.cols, Values(static_cast<std::size_t>(w.cols), 1.0f)),
              y = run.make(1, w.rows);
  run.run(Gemm{.m = 1, .n = w.rows, .k = w.cols, .transpose_b = true}, {.a = x, .b = w, .bias = {}, .c = y});
  return run.download_f32(y);
}

/// The latent with the largest row sum of W, by encode_topk.
std::int32_t best_row(Executor& run, const Tensor& w) {
  const Array x = run.make_from(1, w.cols, Values(static_cast<std::size_t>(w.cols), 1.0f)),
              b = run.zeros(1, w.rows);
  const Array values = run.make(1, 1), ids = run.make(1, 1, DType::kI32);
  run.run(EncodeTopK{.rows = 1, .d_in = w.cols, .latents = w.rows, .k = 1}, {.x = x,
                                                                             .w_enc = w,
                                                                             .b_enc = b,
                                                                             .scale = {},
                                                                             .candidates = {},
                                                                             .values = values,
                                                                             .ids = ids,
                                                                             .nonfinite = {}});
  return run.download_i32(ids)[0];
}

// A backend may keep rearranged copies of such memory, and must notice every way of writing to it.
TEST_P(Queues, RarelyWrittenMemoryIsNeverStale) {
  Executor run(backend());
  const Array w = run.make_from(3, 2, Values{1, 2, 3, 4, 5, 6}, MemoryUse::kRarelyWritten);
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_EQ(row_sums(run, w), (Values{3, 7, 11}));
    EXPECT_EQ(best_row(run, w), 2);
  }
  run.upload(w, Values{9, 9, 1, 1, 1, 1});
  EXPECT_EQ(row_sums(run, w), (Values{18, 2, 2}));
  EXPECT_EQ(best_row(run, w), 0);
  run.upload(w.view().row_range(1, 1), Values{50, 50});  // a part
  EXPECT_EQ(row_sums(run, w), (Values{18, 100, 2}));
  EXPECT_EQ(best_row(run, w), 1);
  run.run(Fill{1, 2, 77.0f}, {.out = w.view().row_range(2, 1)});  // an op
  EXPECT_EQ(row_sums(run, w), (Values{18, 100, 154}));
  EXPECT_EQ(best_row(run, w), 2);
  EXPECT_EQ(row_sums(run, w.view().row_range(0, 2)), (Values{18, 100}));  // other views of the same memory
  EXPECT_EQ(row_sums(run, w.view().row_range(1, 2)), (Values{100, 154}));
  EXPECT_EQ(row_sums(run, w.view().col_range(1, 1)), (Values{9, 50, 77}));
}

// The same through a second queue, once the first has finished.
TEST_P(Queues, WritesOfOneQueueReachAnother) {
  Executor first(backend()), second(backend());
  const Array w = first.make_from(2, 2, Values{1, 1, 2, 2}, MemoryUse::kRarelyWritten);
  first.synchronize();
  EXPECT_EQ(row_sums(second, w), (Values{2, 4}));
  first.upload(w, Values{5, 5, 1, 1});
  first.synchronize();
  EXPECT_EQ(row_sums(second, w), (Values{10, 2}));
}

// Memory that was let go is given out again, and what was known of it must be forgotten.
TEST_P(Queues, NewMemoryIsNotTakenForOld) {
  Executor run(backend());
  for (int i = 0; i < 20; ++i) {
    const auto value = static_cast<float>(i);
    const Array w = run.make_from(2, 2, Values{value, value, 0, value}, MemoryUse::kRarelyWritten);
    EXPECT_EQ(row_sums(run, w), (Values{2 * value, value}));
  }
}

TEST_P(Queues, RunsInOrderAndLetsGoSafely) {
  Executor run(backend());
  const Array sum = run.zeros(1, 100);
  for (int i = 1; i <= 50; ++i) {
    const Array term = run.make(1, 100);
    run.run(Fill{1, 100, static_cast<float>(i)}, {.out = term});
    run.run(Elementwise{.kind = Elementwise::Kind::kAxpby,
                        .rows = 1,
                        .cols = 100,
                        .b_rows = 1,
                        .b_cols = 100,
                        .alpha = 1,
                        .beta = 1},
            {.a = sum, .b = term, .out = sum});
    if (i % 20 == 0) run.submit();
  }  // each term is let go while its ops may still wait
  EXPECT_EQ(run.download_f32(sum), Values(100, 50 * 51 / 2));
}

TEST_P(Queues, UploadsCopyBeforeTheyReturn) {
  Executor run(backend());
  Values values = counted(1000, 1);
  const Array a = run.make(10, 100);
  run.upload(a, values);
  std::fill(values.begin(), values.end(), -1.0f);
  EXPECT_EQ(run.download_f32(a), counted(1000, 1));
}

TEST_P(Queues, TransfersOfEverySizeAndPlace) {
  const auto queue = backend().make_queue();
  const auto buffer = backend().allocate(300);
  for (const std::int64_t size : {0, 1, 2, 3, 5, 7, 64, 129}) {
    for (const std::uint64_t offset : {0u, 1u, 2u, 3u, 31u, 64u}) {
      std::vector<std::byte> image(300, std::byte{7}), part(static_cast<std::size_t>(size), std::byte{9}),
          found(300);
      const Tensor whole{buffer.get(), 0, 1, 300, 300, DType::kU8},
          view{buffer.get(), offset, 1, size, size, DType::kU8};
      queue->upload(whole, image);
      queue->upload(view, part);
      queue->download(whole, found);
      std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(offset), size, std::byte{9});
      EXPECT_EQ(found, image) << size << " bytes at " << offset;
      std::vector<std::byte> back(part.size());
      queue->download(view, back);
      EXPECT_EQ(back, part);
    }
  }
}

// A backend is thread-safe; a queue belongs to one thread.
TEST_P(Queues, TwoThreadsWithAQueueEach) {
  Backend& shared = backend();
  const auto work = [&shared](float start, Values& result) {
    Executor run(shared);
    const Array a = run.make_from(64, 64, counted(64 * 64, start)), c = run.make(64, 64);
    for (int i = 0; i < 20; ++i)
      run.run(Gemm{.m = 64, .n = 64, .k = 64, .transpose_b = true, .alpha = 1e-6f},
              {.a = a, .b = a, .bias = {}, .c = c});
    result = run.download_f32(c);
  };
  Values alone[2], together[2];
  work(1, alone[0]);
  work(2, alone[1]);
  std::thread other(work, 1.0f, std::ref(together[0]));
  work(2, together[1]);
  other.join();
  EXPECT_EQ(together[0], alone[0]);
  EXPECT_EQ(together[1], alone[1]);
}

POLYSEM_FOR_EVERY_BACKEND(Queues);

}  // namespace
}  // namespace polysem::conformance
