#include <limits>
#include <string>

#include "polysem/error.hpp"
#include "polysem/language_model.hpp"

namespace polysem {

namespace {

// Far beyond any model, and small enough that products of two never overflow.
constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;

class ShapeReader {
 public:
  explicit ShapeReader(const GgufFile& file) : file_(file) {}

  std::int64_t size(const std::string& key) const {
    return checked(key, file_.unsigned_integer("llama." + key));
  }
  std::int64_t size(const std::string& key, std::int64_t otherwise) const {
    return checked(key, file_.unsigned_integer("llama." + key, static_cast<std::uint64_t>(otherwise)));
  }
  float positive(const std::string& key, double otherwise) const {
    return positive_value(key, file_.number("llama." + key, otherwise));
  }
  float positive(const std::string& key) const { return positive_value(key, file_.number("llama." + key)); }

  [[noreturn]] void bad(const std::string& key, const std::string& message) const {
    throw Error(ErrorCode::kBadInput, file_.label() + ": key llama." + key + ": " + message);
  }
  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorCode::kBadInput, file_.label() + ": " + what);
  }

 private:
  std::int64_t checked(const std::string& key, std::uint64_t value) const {
    if (value == 0 || value > kLargest) bad(key, "expected 1 to 2^30, found " + std::to_string(value));
    return static_cast<std::int64_t>(value);
  }
  float positive_value(const std::string& key, double value) const {
    const auto narrow = static_cast<float>(value);
    if (!(narrow > 0.0f) || narrow > std::numeric_limits<float>::max())
      bad(key, "expected a positive number, found " + std::to_string(value));
    return narrow;
  }

  const GgufFile& file_;
};

void refuse_variants(const GgufFile& file, const ShapeReader& read) {
  if (file.unsigned_integer("llama.expert_count", 0) != 0)
    read.unsupported("mixtures of experts are not supported");
  for (const char* tensor : {"blk.0.attn_q.bias", "blk.0.attn_k.bias", "blk.0.attn_v.bias",
                             "blk.0.attn_output.bias", "blk.0.ffn_up.bias", "rope_freqs.weight"})
    if (file.find(tensor) != nullptr)
      read.unsupported("tensor " + std::string(tensor) + ": this variant of llama is not supported");
}

float linear_scale(const GgufFile& file, const ShapeReader& read) {
  const auto type = file.text("llama.rope.scaling.type", "none");
  if (type == "none") return 1.0f;
  if (type != "linear")
    read.unsupported("llama.rope.scaling.type is " + std::string(type) + ", expected none or linear");
  return 1.0f / read.positive("rope.scaling.factor");
}

void check_heads(const LlamaShape& shape, const ShapeReader& read) {
  if (shape.heads % shape.kv_heads != 0)
    read.bad("attention.head_count_kv", std::to_string(shape.kv_heads) + " does not divide the " +
                                            std::to_string(shape.heads) + " heads");
  if (shape.rotary % 2 != 0 || shape.rotary > shape.head_dim)
    read.bad("rope.dimension_count", "expected an even number up to the head's " +
                                         std::to_string(shape.head_dim) + ", found " +
                                         std::to_string(shape.rotary));
}

}  // namespace

LlamaShape LlamaShape::read(const GgufFile& file) {
  const ShapeReader read(file);
  if (const auto architecture = file.text("general.architecture"); architecture != "llama")
    read.unsupported("general.architecture is " + std::string(architecture) + ", expected llama");
  refuse_variants(file, read);
  LlamaShape shape;
  shape.blocks = read.size("block_count");
  shape.width = read.size("embedding_length");
  shape.mlp_width = read.size("feed_forward_length");
  shape.heads = read.size("attention.head_count");
  shape.kv_heads = read.size("attention.head_count_kv", shape.heads);
  if (shape.heads > shape.width) read.bad("attention.head_count", "more heads than embedding_length");
  shape.head_dim = read.size("attention.key_length", shape.width / shape.heads);
  if (read.size("attention.value_length", shape.head_dim) != shape.head_dim)
    read.unsupported("keys and values of different length are not supported");
  shape.context = read.size("context_length");
  shape.rotary = read.size("rope.dimension_count", shape.head_dim);
  shape.rope_base = read.positive("rope.freq_base", 10000.0);
  shape.position_scale = linear_scale(file, read);
  shape.rms_epsilon = read.positive("attention.layer_norm_rms_epsilon");
  check_heads(shape, read);
  const GgufTensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr)
    throw Error(ErrorCode::kBadInput, file.label() + ": tensor token_embd.weight is missing");
  shape.vocabulary = embedding->rows();
  if (shape.vocabulary > std::numeric_limits<std::int32_t>::max())
    throw Error(ErrorCode::kBadInput, file.label() + ": tensor token_embd.weight: too many rows");
  shape.tied = file.find("output.weight") == nullptr;
  return shape;
}

}  // namespace polysem
