// Files and requests that a language model must refuse, with a message that helps.
#include <gtest/gtest.h>

#include <limits>

#include "polysem/error.hpp"
#include "polysem/language_model.hpp"
#include "tests/support/tiny_llama.hpp"

namespace polysem {
namespace {

using test::GgufWriter;
using test::TinyLlama;
using Ids = std::vector<std::int32_t>;

template <class F>
std::string complaint(ErrorCode code, F&& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string load(const std::vector<std::byte>& bytes, ErrorCode code) {
  return complaint(code, [&] {
    const auto backend = open_backend("reference");
    Executor executor(*backend);
    LanguageModel(GgufFile::parse(bytes, "tiny.gguf"), executor, Precision::kF32);
  });
}

TEST(BadModel, OtherArchitecturesAreNamed) {
  const std::string said = load(TinyLlama{.architecture = "gpt2"}.file(), ErrorCode::kBadInput);
  EXPECT_TRUE(has(said, "tiny.gguf") && has(said, "gpt2") && has(said, "expected llama")) << said;
}

TEST(BadModel, EveryTensorIsNeeded) {
  EXPECT_EQ(load(TinyLlama{}.file(), ErrorCode::kFailed), "");
  for (const char* name :
       {"token_embd", "output_norm", "blk.0.attn_norm", "blk.0.attn_q", "blk.0.attn_k", "blk.1.attn_v",
        "blk.1.attn_output", "blk.1.ffn_norm", "blk.1.ffn_gate", "blk.1.ffn_up", "blk.1.ffn_down"}) {
    const std::string tensor = std::string(name) + ".weight";
    const std::string said = load(TinyLlama{.leave_out = tensor}.file(), ErrorCode::kBadInput);
    EXPECT_TRUE(has(said, tensor + " is missing")) << said;
  }
}

// A file of metadata alone: each value in turn is missing or makes no sense.
GgufWriter metadata(const std::string& key, std::uint64_t value) {
  const std::pair<std::string, std::uint64_t> all[] = {{"llama.block_count", 2},
                                                       {"llama.context_length", 48},
                                                       {"llama.embedding_length", 32},
                                                       {"llama.feed_forward_length", 64},
                                                       {"llama.attention.head_count", 4},
                                                       {"llama.attention.head_count_kv", 2},
                                                       {"llama.rope.dimension_count", 8},
                                                       {"llama.attention.key_length", 8},
                                                       {"llama.attention.value_length", 8},
                                                       {"llama.expert_count", 0}};
  GgufWriter w;
  w.text("general.architecture", "llama").scalar("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  for (const auto& [name, usual] : all) w.scalar(name, name == key ? value : usual);
  w.tensor("token_embd.weight", {32, 50}, 1, std::vector<std::byte>(3200));
  return w;
}

std::string shape_complaint(const GgufWriter& writer, ErrorCode code) {
  const auto bytes = writer.finish();
  return complaint(code, [&] { LlamaShape::read(GgufFile::parse(bytes, "tiny.gguf")); });
}

TEST(BadModel, ShapesThatMakeNoSense) {
  EXPECT_EQ(shape_complaint(metadata("", 0), ErrorCode::kFailed), "");
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;
  for (const char* key :
       {"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "rope.dimension_count", "attention.key_length"})
    for (const std::uint64_t value : {std::uint64_t{0}, kHuge})
      EXPECT_TRUE(
          has(shape_complaint(metadata(std::string("llama.") + key, value), ErrorCode::kBadInput), key))
          << key;
  EXPECT_TRUE(
      has(shape_complaint(metadata("llama.attention.head_count_kv", 3), ErrorCode::kBadInput), "divide"));
  EXPECT_TRUE(has(shape_complaint(metadata("llama.rope.dimension_count", 7), ErrorCode::kBadInput), "even"));
  EXPECT_TRUE(has(shape_complaint(metadata("llama.rope.dimension_count", 10), ErrorCode::kBadInput), "even"));
  EXPECT_TRUE(
      has(shape_complaint(metadata("llama.attention.value_length", 4), ErrorCode::kBadInput), "length"));
  EXPECT_TRUE(has(shape_complaint(metadata("llama.expert_count", 8), ErrorCode::kBadInput), "experts"));
  EXPECT_TRUE(
      has(shape_complaint(metadata("", 0).text("llama.rope.scaling.type", "yarn"), ErrorCode::kBadInput),
          "yarn"));
  EXPECT_TRUE(
      has(shape_complaint(metadata("", 0).scalar("llama.rope.freq_base", -1.0f), ErrorCode::kBadInput),
          "freq_base"));
  EXPECT_TRUE(has(
      shape_complaint(metadata("", 0).scalar("llama.rope.freq_base", std::numeric_limits<float>::quiet_NaN()),
                      ErrorCode::kBadInput),
      "freq_base"));
}

// Sizes that the file's own tensors do not have are refused before memory is asked for.
TEST(BadModel, LyingSizes) {
  for (const char* key : {"llama.block_count", "llama.feed_forward_length"}) {
    const std::string said = load(metadata(key, 1 << 29).finish(), ErrorCode::kBadInput);
    EXPECT_TRUE(has(said, "tensor")) << said;
  }
  EXPECT_TRUE(
      has(load(metadata("llama.embedding_length", 64).finish(), ErrorCode::kBadInput), "token_embd.weight"));
}

TEST(BadModel, BatchesThatCannotRun) {
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const auto bytes = TinyLlama{}.file();
  LanguageModel model(GgufFile::parse(bytes, "tiny.gguf"), executor, Precision::kF32);
  const auto said = [&](const std::vector<Ids>& sequences) {
    TokenBatch batch;
    for (const Ids& ids : sequences) batch.add(ids);
    return complaint(ErrorCode::kInvalidArgument, [&] { model.hidden(batch); });
  };
  EXPECT_EQ(said({Ids(48, 1)}), "");
  EXPECT_TRUE(has(said({Ids(49, 1)}), "49"));
  EXPECT_TRUE(has(said({}), "empty"));
  EXPECT_TRUE(has(said({{1}, {}, {2}}), "sequence 1"));
  EXPECT_TRUE(has(said({{1, 50}}), "token 50 at row 1"));
  EXPECT_TRUE(has(said({{-1}}), "token -1"));
  const auto hook_said = [&](const Hook& hook) {
    TokenBatch batch;
    batch.add(Ids{1});
    return complaint(ErrorCode::kInvalidArgument, [&] { model.run(batch, std::span(&hook, 1)); });
  };
  EXPECT_TRUE(has(hook_said({{2, SiteKind::kResidPost}, [](Executor&, const Tensor&) {}}), "2 blocks"));
  EXPECT_TRUE(has(hook_said({{0, SiteKind::kResidPost}, {}}), "callback"));
}

}  // namespace
}  // namespace polysem
