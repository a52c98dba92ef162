#include "polysem/capture.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/support/gguf_writer.hpp"
#include "tests/support/tiny_llama.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::GgufWriter;
using test::TemporaryFolder;
using test::TinyLlama;

// Every lower-case letter is a token, ids 0 to 25, and so is "ab", which the texts below avoid.
Tokenizer letters() {
  std::vector<std::string> tokens;
  for (char c = 'a'; c <= 'z'; ++c) tokens.emplace_back(1, c);
  tokens.emplace_back("ab");
  GgufWriter writer;
  writer.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "smollm");
  writer.texts("tokenizer.ggml.tokens", tokens).texts("tokenizer.ggml.merges", {"a b"});
  const auto bytes = writer.finish();
  return Tokenizer(GgufFile::parse(bytes, "letters.gguf"));
}

class Capture : public testing::Test {
 protected:
  Capture()
      : bytes_(TinyLlama{}.file()),
        file_(GgufFile::parse(bytes_, "tiny.gguf")),
        backend_(open_backend("reference")),
        executor_(*backend_),
        model_(file_, executor_, Precision::kF32),
        tokenizer_(letters()) {
    options_.sites = {{0, SiteKind::kResidPost}, {1, SiteKind::kMlpPost}};
    options_.context = 8;
    options_.batch = 2;
    options_.tokens = 1000;
    options_.keep_massive = true;
  }

  // Ten documents of 20 letters: contexts of 8, 8 and 4.
  static NextDocument ten_documents() {
    return [next = 0]() mutable -> std::optional<TextDocument> {
      if (next == 10) return std::nullopt;
      std::string text;
      for (int i = 0; i < 20; ++i) text += static_cast<char>('c' + (next * 7 + i * 5) % 20);
      const std::string name = "document " + std::to_string(next++);
      return TextDocument{name, "source", "label", text};
    };
  }

  CaptureResult run(const std::filesystem::path& folder,
                    const std::function<bool(std::int64_t)>& on_progress = {}) {
    std::vector<StoreInfo> info;
    std::vector<std::unique_ptr<StoreWriter>> writers;
    std::vector<StoreWriter*> list;
    for (const Site& site : options_.sites) {
      StoreInfo about;
      about.dim = model_.width(site);
      about.site = site.name();
      info.push_back(about);
      writers.push_back(std::make_unique<StoreWriter>(folder / site.name(), about));
      list.push_back(writers.back().get());
    }
    auto result = capture(model_, tokenizer_, ten_documents(), options_, list, info, on_progress);
    for (std::size_t s = 0; s < list.size(); ++s) list[s]->finish(result.info[s], result.documents);
    return result;
  }

  static std::vector<float> rows_of(const ActivationStore& store) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(store.rows()));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
    std::vector<float> rows(ids.size() * static_cast<std::size_t>(store.dim()));
    store.read(ids, rows);
    return rows;
  }

  std::vector<std::byte> bytes_;
  GgufFile file_;
  std::unique_ptr<Backend> backend_;
  Executor executor_;
  LanguageModel model_;
  Tokenizer tokenizer_;
  CaptureOptions options_;
};

TEST_F(Capture, StoresWhatTheModelComputesAndWhereItWas) {
  const TemporaryFolder folder;
  const auto result = run(folder.path());
  EXPECT_EQ(result.tokens, 200);
  EXPECT_EQ(result.documents.size(), 10u);
  const ActivationStore store(folder / "blocks.0.hook_resid_post");
  EXPECT_EQ(store.rows(), 170);  // 30 contexts lose their first position
  EXPECT_EQ(store.info().dropped_first, 30);
  EXPECT_EQ(ActivationStore(folder / "blocks.1.mlp.hook_post").dim(), 256);

  // The first context of the first document, run alone.
  std::vector<RowLabel> labels(7);
  store.read_labels(0, labels);
  EXPECT_EQ(labels[0].position, 1);
  EXPECT_EQ(labels[6].position, 7);
  EXPECT_EQ(labels[6].document, 0);
  const int number = store.documents()[0].name.back() - '0';
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(2 + (number * 7 + i * 5) % 20);
  EXPECT_EQ(labels[6].token, ids[7]);
  TokenBatch batch;
  batch.add(ids);
  std::vector<float> expected;
  const Hook hook{options_.sites[0],
                  [&](Executor& executor, const Tensor& t) { expected = executor.download_f32(t); }};
  model_.run(batch, std::span(&hook, 1));
  const auto rows = rows_of(store);
  for (std::size_t i = 0; i < 7 * TinyLlama::kWidth; ++i)
    EXPECT_NEAR(rows[i], expected[TinyLlama::kWidth + i], 1e-5);
}

TEST_F(Capture, StoppedCapturesContinueToTheSameStore) {
  const TemporaryFolder whole, pieces;
  options_.shard_rows = 20;
  run(whole.path());
  for (const std::int64_t stop : {30, 90, 150}) {
    expect_error(ErrorCode::kInterrupted, "same command",
                 [&] { run(pieces.path(), [&](std::int64_t tokens) { return tokens < stop; }); });
  }
  const auto result = run(pieces.path());
  EXPECT_EQ(result.tokens, 200);
  for (const Site& site : options_.sites) {
    const ActivationStore a(whole / site.name()), b(pieces / site.name());
    EXPECT_EQ(rows_of(a), rows_of(b));
    EXPECT_EQ(a.info().dropped_first, b.info().dropped_first);
    EXPECT_EQ(b.documents().size(), 10u);
  }
}

TEST_F(Capture, SeedsOrderDocumentsAndTokensLimitThem) {
  const TemporaryFolder a, b;
  options_.tokens = 45;
  EXPECT_EQ(run(a.path()).tokens, 45);
  options_.seed = 1;
  run(b.path());
  EXPECT_NE(rows_of(ActivationStore(a / "blocks.0.hook_resid_post")),
            rows_of(ActivationStore(b / "blocks.0.hook_resid_post")));
}

// Lengths 1, 2, ..., 9 and 100: the median row has length 6, so the limit is 18 and one row is beyond.
TEST(MassiveActivations, LimitIsThreeTimesTheMedian) {
  std::vector<float> rows;
  for (int i = 1; i <= 9; ++i) rows.insert(rows.end(), {0.0f, static_cast<float>(i)});
  rows.insert(rows.end(), {60.0f, 80.0f});
  EXPECT_DOUBLE_EQ(massive_limit(rows, 2), 18.0);
  EXPECT_DOUBLE_EQ(row_lengths(rows, 2).back(), 100.0);
}

TEST_F(Capture, RefusesContextsLongerThanTheModel) {
  const TemporaryFolder folder;
  options_.context = 49;
  expect_error(ErrorCode::kInvalidArgument, "48", [&] { run(folder.path()); });
}

}  // namespace
}  // namespace polysem
