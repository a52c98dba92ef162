// GGUF: metadata, tensors, and what is built from them: the tokenizer's tables and a model's shape.
#include "polysem/gguf.hpp"

#include <functional>

#include "polysem/error.hpp"
#include "polysem/language_model.hpp"
#include "polysem/tokenizer.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/gguf_writer.hpp"

namespace polysem::fuzz {

namespace {

/// Goes on after an Error: one getter's refusal must not hide the next one.
void attempt(const std::function<void()>& read) {
  try {
    read();
  } catch (const Error&) {
  }
}

void read_values(const GgufFile& file) {
  for (const auto& [key, value] : file.metadata()) {
    file.describe(key);
    attempt([&, &name = key] { file.unsigned_integer(name); });
    attempt([&, &name = key] { file.number(name); });
    attempt([&, &name = key] { file.boolean(name, false); });
    attempt([&, &name = key] { file.text(name); });
    attempt([&, &name = key] { file.texts(name); });
    attempt([&, &name = key] { file.integers(name); });
  }
}

void read_tensors(const GgufFile& file) {
  for (const GgufTensor& tensor : file.tensors()) {
    attempt([&] {
      std::vector<float> row(tensor.data.empty() ? 0 : static_cast<std::size_t>(tensor.cols()));
      file.dequantize(tensor, tensor.rows() - 1, 1, row);
    });
  }
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

test::GgufWriter tokenizer_tables() {
  test::GgufWriter writer;
  writer.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "smollm");
  writer.texts("tokenizer.ggml.tokens", {"a", "b", "ab", "\u0120", "\u0120a", "<end>", "<user>"});
  writer.integers("tokenizer.ggml.token_type", {1, 1, 1, 1, 1, 3, 4});
  writer.texts("tokenizer.ggml.merges", {"a b", "\u0120 a"});
  writer.scalar<std::uint32_t>("tokenizer.ggml.bos_token_id", 5);
  writer.scalar<std::uint32_t>("tokenizer.ggml.eos_token_id", 5);
  writer.scalar<bool>("tokenizer.ggml.add_bos_token", true);
  return writer;
}

test::GgufWriter model_shape() {
  test::GgufWriter writer;
  writer.text("general.architecture", "llama").text("llama.rope.scaling.type", "linear");
  for (const char* key :
       {"block_count", "embedding_length", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "attention.key_length", "context_length", "rope.dimension_count"})
    writer.scalar<std::uint32_t>("llama." + std::string(key), 2);
  writer.scalar<float>("llama.rope.freq_base", 10000.0f).scalar<float>("llama.rope.scaling.factor", 2.0f);
  writer.scalar<float>("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  writer.tensor("token_embd.weight", {2, 2}, 0, std::vector<std::byte>(16));
  return writer;
}

test::GgufWriter every_type() {
  test::GgufWriter writer;
  writer.scalar<std::uint8_t>("u8", 1).scalar<std::int8_t>("i8", -1).scalar<std::uint16_t>("u16", 1);
  writer.scalar<std::int16_t>("i16", -1).scalar<std::int32_t>("i32", -1).scalar<double>("f64", 0.5);
  writer.scalar<std::uint64_t>("u64", 1).scalar<std::int64_t>("i64", -1).integers("list", {1, 2, 3});
  writer.scalar<std::uint32_t>("general.alignment", 32);
  // Type number and bytes of a block of 32 values or, from Q4_K on, of 256 (ggml's ggml-common.h).
  constexpr struct {
    std::uint32_t type;
    std::uint64_t values;
    std::size_t bytes;
  } kBlocks[] = {{0, 1, 4},   {1, 1, 2},      {2, 32, 18},    {3, 32, 20},
                 {8, 32, 34}, {12, 256, 144}, {14, 256, 210}, {30, 1, 2}};
  for (const auto& b : kBlocks)
    writer.tensor("t" + std::to_string(b.type), {b.values, 2}, b.type,
                  std::vector<std::byte>(2 * b.bytes, std::byte{60}));
  return writer;
}

}  // namespace

void read_input(std::string_view bytes) {
  const GgufFile file = GgufFile::parse(std::as_bytes(std::span(bytes)), "input");
  read_values(file);
  read_tensors(file);
  attempt([&] { LlamaShape::read(file); });
  attempt([&] {
    const Tokenizer tokenizer(file);
    const auto ids = tokenizer.encode("ab a 12 <end>\xff", Tokenizer::Special::kParse);
    tokenizer.decode(ids);
    for (std::int32_t id = 0; id < tokenizer.vocabulary(); ++id) tokenizer.display(id);
  });
}

std::vector<std::string> seeds() {
  return {text_of(tokenizer_tables().finish()), text_of(model_shape().finish()),
          text_of(every_type().finish()), text_of(every_type().finish(2))};
}

}  // namespace polysem::fuzz
