#include "polysem/executor.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "polysem/error.hpp"

namespace polysem {
namespace {

/// The reference backend behind another name, which refuses some ops and wants workspace.
class ToyBackend final : public Backend {
 public:
  std::string refused;                     // name of an op
  std::uint64_t workspace = 0;             // that every op needs
  std::vector<std::int64_t> given;         // sizes of the workspaces that ops got
  mutable std::vector<std::string> asked;  // ops whose support was asked for

  const BackendInfo& info() const override { return info_; }
  std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse use) override {
    return inner_->allocate(bytes, use);
  }
  Support supports(const Op& op, std::span<const DType>) const override {
    asked.emplace_back(polysem::name(op));
    return polysem::name(op) == refused ? Support::no("toys do not do that") : Support::yes();
  }
  std::uint64_t workspace_bytes(const Op&) const override { return workspace; }
  std::unique_ptr<Queue> make_queue() override { return std::make_unique<ToyQueue>(*this); }

 private:
  class ToyQueue final : public Queue {
   public:
    explicit ToyQueue(ToyBackend& toy) : toy_(toy), inner_(toy.inner_->make_queue()) {}
    void submit() override { inner_->submit(); }
    void synchronize() override { inner_->synchronize(); }

   protected:
    void do_run(const Op& op, std::span<const Tensor> operands, Tensor scratch) override {
      toy_.given.push_back(scratch.cols);
      inner_->run(op, operands);
    }
    void do_upload(Tensor to, std::span<const std::byte> from) override { inner_->upload(to, from); }
    void do_download(Tensor from, std::span<std::byte> to) override { inner_->download(from, to); }

   private:
    ToyBackend& toy_;
    std::unique_ptr<Queue> inner_;
  };

  BackendInfo info_{.name = "toy", .device = {}, .driver = {}, .features = {}, .precisions = {}};
  std::unique_ptr<Backend> inner_ = open_backend("reference");
};

void expect_error(ErrorCode code, std::initializer_list<const char*> parts,
                  const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    for (const char* part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "'" << part << "' in: " << error.what();
  }
}

using Values = std::vector<float>;

TEST(Executor, RoundTrips) {
  const auto backend = open_backend("reference");
  Executor run(*backend);
  const Values floats{1, -2, 3, 4, 5, -6};
  EXPECT_EQ(run.download_f32(run.make_from(2, 3, floats)), floats);
  const std::vector<std::int32_t> ints{1, -2, INT32_MIN};
  EXPECT_EQ(run.download_i32(run.make_from(1, 3, ints)), ints);
  const Array u = run.make(1, 2, DType::kU32);
  run.upload(u, std::vector<std::uint32_t>{7, UINT32_MAX});
  EXPECT_EQ(run.download_u32(u), (std::vector<std::uint32_t>{7, UINT32_MAX}));
  EXPECT_EQ(run.download_f32(run.zeros(2, 2)), Values(4));
  EXPECT_EQ(run.download_f32(run.make(0, 5)), Values());
}

// Rows 1 and 2, columns 1 and 2 of a 3 x 4 matrix: what surrounds them stays.
TEST(Executor, TransfersPartsOfAMatrix) {
  const auto backend = open_backend("reference");
  Executor run(*backend);
  const Array whole = run.make_from(3, 4, Values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const Tensor part = whole.view().row_range(1, 2).col_range(1, 2);
  EXPECT_FALSE(part.contiguous());
  EXPECT_EQ(run.download_f32(part), (Values{5, 6, 9, 10}));
  run.upload(part, Values{-5, -6, -9, -10});
  EXPECT_EQ(run.download_f32(whole), (Values{0, 1, 2, 3, 4, -5, -6, 7, 8, -9, -10, 11}));
  EXPECT_EQ(run.download_f32(whole.view().reshaped(1, 12).col_range(10, 2)), (Values{-10, 11}));
}

TEST(Executor, RefusesTransfersThatDoNotFit) {
  const auto backend = open_backend("reference");
  Executor run(*backend);
  const Array a = run.zeros(2, 3);
  expect_error(ErrorCode::kInvalidArgument, {"upload", "24", "20"}, [&] { run.upload(a, Values(5)); });
  expect_error(ErrorCode::kInvalidArgument, {"f32", "i32"}, [&] { run.download_i32(a); });
  expect_error(ErrorCode::kInvalidArgument, {"absent"}, [&] { run.download_f32({}); });
  Tensor beyond = a;
  beyond.rows = 3;
  expect_error(ErrorCode::kInvalidArgument, {"end of its buffer"}, [&] { run.download_f32(beyond); });
  expect_error(ErrorCode::kInvalidArgument, {"negative"}, [&] { run.make(-1, 2); });
  expect_error(ErrorCode::kOutOfMemory, {}, [&] { run.make(INT64_C(1) << 40, INT64_C(1) << 40); });
}

TEST(Executor, RefusalWithoutFallbackIsAnError) {
  ToyBackend toy;
  toy.refused = "fill";
  Executor run(toy);
  expect_error(ErrorCode::kUnsupported, {"toy", "fill rows=2 cols=2", "toys do not do that"},
               [&] { run.zeros(2, 2); });
}

TEST(Executor, FallsBackAndCounts) {
  ToyBackend toy;
  toy.refused = "gemm";
  const auto reference = open_backend("reference");
  Executor run(toy, reference.get());
  const Array a = run.make_from(1, 2, Values{2, 3}), b = run.make_from(2, 1, Values{10, 1});
  const Array wide = run.make_from(1, 3, Values{7, 100, 8});
  const Tensor c = wide.view().col_range(1, 1);
  EXPECT_TRUE(run.fallbacks().empty());
  run.run(Gemm{.m = 1, .n = 1, .k = 2, .beta = 1.0f}, {.a = a, .b = b, .bias = {}, .c = c});
  run.run(Gemm{.m = 1, .n = 1, .k = 2, .beta = 1.0f}, {.a = a, .b = b, .bias = {}, .c = c});
  run.run(Fill{1, 1, 5.0f}, {.out = wide.view().col_range(2, 1)});
  EXPECT_EQ(run.download_f32(wide), (Values{7, 100 + 2 * 23, 5}));
  EXPECT_EQ(run.fallbacks(), (std::map<std::string, std::uint64_t>{{"gemm", 2}}));
  EXPECT_EQ(toy.given.size(), 1u) << "only the fill ran on the toy";
}

TEST(Executor, FallsBackInPlace) {
  ToyBackend toy;
  toy.refused = "elementwise";
  const auto reference = open_backend("reference");
  Executor run(toy, reference.get());
  const Array a = run.make_from(1, 3, Values{-1, 2, -3});
  run.run(Elementwise{.kind = Elementwise::Kind::kRelu, .rows = 1, .cols = 3}, {.a = a, .b = {}, .out = a});
  EXPECT_EQ(run.download_f32(a), (Values{0, 2, 0}));
}

TEST(Executor, GrowsAndReusesTheWorkspace) {
  ToyBackend toy;
  Executor run(toy);
  const Array a = run.zeros(1, 1);
  toy.workspace = 100;
  run.run(Fill{1, 1, 1.0f}, {.out = a});
  toy.workspace = 10;
  run.run(Fill{1, 1, 1.0f}, {.out = a});
  toy.workspace = 1000;
  run.run(Fill{1, 1, 1.0f}, {.out = a});
  ASSERT_EQ(toy.given.size(), 4u);
  EXPECT_EQ(toy.given[0], 0);
  EXPECT_GE(toy.given[1], 100);
  EXPECT_EQ(toy.given[2], toy.given[1]);
  EXPECT_GE(toy.given[3], 1000);
}

// A backend must never be asked about numbers that make no sense.
TEST(Executor, RefusesBadNumbersBeforeTheBackendSeesThem) {
  ToyBackend toy;
  toy.workspace = std::uint64_t{1} << 61;  // what a negative size may come to
  Executor run(toy);
  expect_error(ErrorCode::kInvalidArgument, {"fill rows=-1", "negative"}, [&] {
    run.run(Fill{-1, 1}, {.out = {}});
  });
  EXPECT_TRUE(toy.asked.empty());
}

}  // namespace
}  // namespace polysem
