#include "lib/host/llama_weights.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace polysem {

namespace {

class Loader {
 public:
  Loader(const GgufFile& file, Executor& executor, Precision precision)
      : file_(file), executor_(executor), type_(storage_type(precision)) {}

  /// A norm's weight: always f32.
  Array vector(const std::string& name, std::int64_t size) {
    Array array = executor_.make(1, size, DType::kF32, MemoryUse::kRarelyWritten);
    copy_in(name, array);
    return array;
  }

  /// The named matrices, one above the other. `rows` of each; all have `cols`.
  struct Part {
    std::string name;
    std::int64_t rows;
  };
  Array matrix(const std::vector<Part>& parts, std::int64_t cols) {
    std::int64_t rows = 0;
    for (const Part& part : parts) rows += part.rows;
    Array array = executor_.make(rows, cols, type_, MemoryUse::kRarelyWritten);
    std::int64_t first = 0;
    for (const Part& part : parts) {
      copy_in(part.name, array.view().row_range(first, part.rows));
      first += part.rows;
    }
    return array;
  }

 private:
  // A few MiB at a time: the f32 values of a large matrix need not be in memory at once.
  void copy_in(const std::string& name, const Tensor& destination) {
    const std::array<std::int64_t, 2> shape = {destination.cols, destination.rows};
    const GgufTensor& tensor = file_.tensor(name, shape);
    constexpr std::int64_t kValues = std::int64_t{1} << 20;
    const std::int64_t step = std::clamp<std::int64_t>(kValues / destination.cols, 1, destination.rows);
    for (std::int64_t first = 0; first < destination.rows; first += step) {
      const std::int64_t rows = std::min(step, destination.rows - first);
      values_.resize(static_cast<std::size_t>(rows * destination.cols));
      file_.dequantize(tensor, first, rows, values_);
      put(destination.row_range(first, rows));
    }
  }

  void put(const Tensor& destination) {
    if (destination.dtype == DType::kF32) return executor_.upload(destination, values_);
    const Array staged = executor_.make_from(destination.rows, destination.cols, values_);
    executor_.run(Elementwise{.rows = destination.rows, .cols = destination.cols},
                  {.a = staged, .b = {}, .out = destination});
  }

  const GgufFile& file_;
  Executor& executor_;
  DType type_;
  std::vector<float> values_;
};

struct Expected {
  std::string name;
  std::int64_t rows, cols;
};

// Before memory is asked for: a file that lies about its sizes is refused here.
void check_tensors(const GgufFile& file, const LlamaShape& s) {
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  const auto check = [&](const std::string& name, std::int64_t rows, std::int64_t cols) {
    const std::array<std::int64_t, 2> shape = {cols, rows};
    file.tensor(name, shape);
  };
  check("token_embd.weight", s.vocabulary, s.width);
  check("output_norm.weight", 1, s.width);
  if (!s.tied) check("output.weight", s.vocabulary, s.width);
  for (std::int64_t i = 0; i < s.blocks; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    const Expected all[] = {{"attn_norm", 1, s.width},
                            {"attn_q", q, s.width},
                            {"attn_k", kv, s.width},
                            {"attn_v", kv, s.width},
                            {"attn_output", s.width, q},
                            {"ffn_norm", 1, s.width},
                            {"ffn_gate", s.mlp_width, s.width},
                            {"ffn_up", s.mlp_width, s.width},
                            {"ffn_down", s.width, s.mlp_width}};
    for (const Expected& one : all) check(prefix + one.name + ".weight", one.rows, one.cols);
  }
}

LlamaBlock load_block(Loader& load, const LlamaShape& s, std::int64_t index) {
  const std::string prefix = "blk." + std::to_string(index) + ".";
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  const auto named = [&](const char* name) { return prefix + name + ".weight"; };
  LlamaBlock block;
  block.attention_norm = load.vector(named("attn_norm"), s.width);
  block.qkv = load.matrix({{named("attn_q"), q}, {named("attn_k"), kv}, {named("attn_v"), kv}}, s.width);
  block.attention_out = load.matrix({{named("attn_output"), s.width}}, q);
  block.mlp_norm = load.vector(named("ffn_norm"), s.width);
  block.gate_up = load.matrix({{named("ffn_gate"), s.mlp_width}, {named("ffn_up"), s.mlp_width}}, s.width);
  block.down = load.matrix({{named("ffn_down"), s.width}}, s.mlp_width);
  return block;
}

}  // namespace

LlamaWeights load_llama(const GgufFile& file, const LlamaShape& shape, Executor& executor,
                        Precision precision) {
  check_tensors(file, shape);
  Loader load(file, executor, precision);
  LlamaWeights weights;
  weights.embedding = load.matrix({{"token_embd.weight", shape.vocabulary}}, shape.width);
  for (std::int64_t i = 0; i < shape.blocks; ++i) weights.blocks.push_back(load_block(load, shape, i));
  weights.final_norm = load.vector("output_norm.weight", shape.width);
  weights.output =
      shape.tied ? weights.embedding : load.matrix({{"output.weight", shape.vocabulary}}, shape.width);
  executor.synchronize();
  return weights;
}

}  // namespace polysem
