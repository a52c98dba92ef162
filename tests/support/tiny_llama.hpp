#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "polysem/dtype.hpp"
#include "polysem/random.hpp"
#include "tests/support/gguf_writer.hpp"

namespace polysem::test {

/// Variants of the tiny model: two blocks, width 32, MLP 256, four heads of 8 with two KV heads,
/// vocabulary 50.
struct TinyLlama {
  bool tied = true;
  std::uint32_t rotary = 8;
  float linear_scaling = 1.0f;
  std::string architecture = "llama";
  std::string leave_out{};  ///< name of a tensor that is not written
  bool tokenizer = false;   ///< tokens are single characters: a blank, newline, a-z, A-V

  static constexpr std::uint64_t kWidth = 32, kMlp = 256, kKv = 16, kVocabulary = 50;

  std::vector<std::byte> file() const {
    GgufWriter w;
    w.text("general.architecture", architecture).scalar<std::uint32_t>("llama.block_count", 2);
    w.scalar<std::uint32_t>("llama.context_length", 48)
        .scalar<std::uint32_t>("llama.embedding_length", kWidth);
    w.scalar<std::uint32_t>("llama.feed_forward_length", kMlp)
        .scalar<std::uint32_t>("llama.attention.head_count", 4);
    w.scalar<std::uint32_t>("llama.attention.head_count_kv", 2).scalar("llama.rope.freq_base", 100.0f);
    w.scalar<std::uint32_t>("llama.rope.dimension_count", rotary);
    w.scalar("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    if (linear_scaling != 1.0f)
      w.text("llama.rope.scaling.type", "linear").scalar("llama.rope.scaling.factor", linear_scaling);
    if (tokenizer) add_tokenizer(w);
    add(w, "token_embd", {kWidth, kVocabulary}, kQ8_0);
    if (!tied) add(w, "output", {kWidth, kVocabulary}, kQ8_0);
    add(w, "output_norm", {kWidth}, kF32);
    block(w, "blk.0.", {kQ4_0, kQ4_1, kF16, kBF16, kF32, kQ8_0, kQ4_K});
    block(w, "blk.1.", {kF32, kBF16, kQ4_0, kQ4_1, kQ8_0, kF16, kQ6_K});
    return w.finish();
  }

 private:
  static constexpr std::uint32_t kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ4_1 = 3, kQ8_0 = 8, kQ4_K = 12, kQ6_K = 14,
                                 kBF16 = 30;

  static void add_tokenizer(GgufWriter& w) {
    std::vector<std::string> tokens = {"\u0120", "\u010a"};  // as GPT-2 writes a blank and a newline
    for (char c = 'a'; c <= 'z'; ++c) tokens.emplace_back(1, c);
    for (char c = 'A'; tokens.size() < kVocabulary; ++c) tokens.emplace_back(1, c);
    w.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "gpt-2");
    w.texts("tokenizer.ggml.tokens", tokens);
    w.integers("tokenizer.ggml.token_type", std::vector<std::int32_t>(kVocabulary, 1));
    w.texts("tokenizer.ggml.merges", {});
  }

  void block(GgufWriter& w, const std::string& prefix, const std::vector<std::uint32_t>& types) const {
    add(w, prefix + "attn_norm", {kWidth}, kF32);
    add(w, prefix + "attn_q", {kWidth, kWidth}, types[0]);
    add(w, prefix + "attn_k", {kWidth, kKv}, types[1]);
    add(w, prefix + "attn_v", {kWidth, kKv}, types[2]);
    add(w, prefix + "attn_output", {kWidth, kWidth}, types[3]);
    add(w, prefix + "ffn_norm", {kWidth}, kF32);
    add(w, prefix + "ffn_gate", {kWidth, kMlp}, types[4]);
    add(w, prefix + "ffn_up", {kWidth, kMlp}, types[5]);
    add(w, prefix + "ffn_down", {kMlp, kWidth}, types[6]);
  }

  void add(GgufWriter& w, const std::string& stem, const std::vector<std::uint64_t>& shape,
           std::uint32_t type) const {
    const std::string name = stem + ".weight";
    if (name == leave_out) return;
    std::uint64_t count = 1;
    for (const std::uint64_t extent : shape) count *= extent;
    std::uint32_t stream = 0;  // every tensor its own numbers
    for (const char c : name) stream = stream * 31 + static_cast<unsigned char>(c);
    w.tensor(name, shape, type, random_tensor(type, count, Random(1, RandomStream::kInitialisation, stream)));
  }

  // Plain types hold normal values of deviation 0.3; quantised blocks any quants, with scales that give about
  // the same.
  static std::vector<std::byte> random_tensor(std::uint32_t type, std::uint64_t count, const Random& random) {
    std::vector<std::byte> out;
    if (type == kF32 || type == kF16 || type == kBF16) {
      for (std::uint64_t i = 0; i < count; ++i) {
        const float value = 0.3f * random.normal(i);
        if (type == kF32) GgufWriter::put(out, value);
        if (type == kF16) GgufWriter::put(out, to_f16(value));
        if (type == kBF16) GgufWriter::put(out, to_bf16(value));
      }
      return out;
    }
    const std::uint64_t values = type == kQ4_K || type == kQ6_K ? 256 : 32;
    for (std::uint64_t b = 0; b < count / values; ++b) put_block(out, type, random, 1000 * b);
    return out;
  }

  static void put_block(std::vector<std::byte>& out, std::uint32_t type, const Random& random,
                        std::uint64_t first) {
    const auto noise = [&](std::uint64_t bytes) {
      for (std::uint64_t i = 0; i < bytes; ++i)
        out.push_back(static_cast<std::byte>(random.bits(first++) & 0xff));
    };
    const auto half = [&](float value) { GgufWriter::put(out, to_f16(value)); };
    if (type == kQ8_0) half(0.004f), noise(32);
    if (type == kQ4_0) half(0.06f), noise(16);
    if (type == kQ4_1) half(0.06f), half(-0.45f), noise(16);
    if (type == kQ4_K) half(0.001f), half(0.008f), noise(12 + 128);
    if (type == kQ6_K) noise(208), half(0.0002f);
  }
};

}  // namespace polysem::test
