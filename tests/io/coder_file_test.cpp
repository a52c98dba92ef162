#include "polysem/coder_file.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "polysem/safetensors.hpp"
#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::put;
using test::TemporaryFolder;

CoderFile sample() {
  return {.architecture = "topk",
          .d_in = 2,
          .d_out = 2,
          .d_sae = 3,
          .k = 2,
          .apply_b_dec_to_input = true,
          .rescale_acts_by_decoder_norm = false,
          .model_name = "tiny",
          .hook_name = "blocks.1.hook_resid_post",
          .dataset_path = "a.txt",
          .context_size = 16,
          .w_enc = {1, 2, 3, 4, 5, 6},
          .w_dec = {7, 8, 9, 10, 11, 12},
          .b_enc = {0.5f, -1, 2},
          .b_dec = {3, 4},
          .threshold = {}};
}

TEST(CoderFile, RoundTrip) {
  const TemporaryFolder folder;
  write_coder_file(folder / "a" / "coder", sample());
  const CoderFile found = read_coder_file(folder / "a" / "coder"), expected = sample();
  EXPECT_EQ(found.architecture, "topk");
  EXPECT_EQ(found.d_in, 2);
  EXPECT_EQ(found.d_out, 2);
  EXPECT_EQ(found.d_sae, 3);
  EXPECT_EQ(found.k, 2);
  EXPECT_TRUE(found.apply_b_dec_to_input);
  EXPECT_FALSE(found.rescale_acts_by_decoder_norm);
  EXPECT_EQ(found.model_name, "tiny");
  EXPECT_EQ(found.hook_name, "blocks.1.hook_resid_post");
  EXPECT_EQ(found.context_size, 16);
  EXPECT_EQ(found.w_enc, expected.w_enc);
  EXPECT_EQ(found.w_dec, expected.w_dec);
  EXPECT_EQ(found.b_enc, expected.b_enc);
  EXPECT_EQ(found.b_dec, expected.b_dec);
  EXPECT_TRUE(found.threshold.empty());
}

// SAELens loads strictly: these four tensors, no other, all contiguous.
TEST(CoderFile, HoldsExactlyTheTensorsThatSaeLensWants) {
  const TemporaryFolder folder;
  write_coder_file(folder.path(), sample());
  const Safetensors file(folder / "sae_weights.safetensors");
  EXPECT_EQ(file.names(), (std::vector<std::string>{"W_dec", "W_enc", "b_dec", "b_enc"}));
  EXPECT_EQ(file.tensor("W_enc").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(file.tensor("W_dec").shape, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(folder.entries(), 2u);
}

/// A folder as SAELens 6.54 writes it: weights in bf16, keys that only it knows, metadata of any kind.
TEST(CoderFile, ReadsWhatSaeLensWrites) {
  const TemporaryFolder folder;
  put(folder / "cfg.json",
      R"({"d_in": 1, "d_sae": 2, "dtype": "bfloat16", "device": "cpu", "apply_b_dec_to_input": false,
          "normalize_activations": "none", "reshape_activations": "none", "architecture": "jumprelu",
          "metadata": {"sae_lens_version": "6.54.12", "model_name": "gpt2", "hook_name": null,
                       "seqpos_slice": [null], "context_size": 128, "model_from_pretrained_kwargs": {}}})");
  SafetensorsWriter writer(folder / "sae_weights.safetensors",
                           {{"W_enc", DType::kBF16, {1, 2}},
                            {"W_dec", DType::kBF16, {2, 1}},
                            {"b_enc", DType::kBF16, {2}},
                            {"b_dec", DType::kBF16, {1}},
                            {"threshold", DType::kF32, {2}},
                            {"not_needed", DType::kI64, {1}}},
                           {{"format", "pt"}});
  const std::vector<std::uint16_t> two = {to_bf16(1.5f), to_bf16(-2.0f)};
  const std::vector<float> threshold = {0.125f, 0.25f};
  const std::vector<std::int64_t> extra = {1};
  for (const char* name : {"W_enc", "W_dec", "b_enc"})
    writer.write(name, std::span<const std::uint16_t>(two));
  writer.write("b_dec", std::span<const std::uint16_t>(two).first(1));
  writer.write("threshold", std::span<const float>(threshold));
  writer.write("not_needed", std::span<const std::int64_t>(extra));
  writer.commit();
  const CoderFile found = read_coder_file(folder.path());
  EXPECT_EQ(found.architecture, "jumprelu");
  EXPECT_EQ(found.d_out, 1);
  EXPECT_EQ(found.k, 0);
  EXPECT_FALSE(found.apply_b_dec_to_input);
  EXPECT_EQ(found.model_name, "gpt2");
  EXPECT_EQ(found.hook_name, "");
  EXPECT_EQ(found.context_size, 128);
  EXPECT_EQ(found.w_enc, (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(found.threshold, threshold);
}

/// Replaces one piece of cfg.json and expects to be told.
void refuse_change(const std::string& from, const std::string& to, const std::string& part) {
  const TemporaryFolder folder;
  write_coder_file(folder.path(), sample());
  std::string text = read_file(folder / "cfg.json");
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  put(folder / "cfg.json", text.replace(at, from.size(), to));
  expect_error(ErrorCode::kBadInput, part, [&] { read_coder_file(folder.path()); });
}

TEST(CoderFile, RefusesLies) {
  refuse_change("\"d_in\": 2", "\"d_in\": 3", "W_enc: expected the shape [3, 3], found [2, 3]");
  refuse_change("\"d_in\": 2", "\"d_in\": 0", "cfg.json: d_in: expected an integer from 1");
  refuse_change("\"d_in\": 2", "\"d_in\": 2, \"d_out\": 5", "W_dec: expected the shape [3, 5]");
  refuse_change("\"d_sae\": 3", "\"d_sae\": 1e18", "d_sae: expected an integer");
  refuse_change("\"k\": 2", "\"k\": 4", "k: expected an integer from 1 to 3");
  refuse_change("\"k\": 2", "\"k\": 1.5", "k: expected an integer");
  refuse_change("\"architecture\"", "\"architect\"", "the key \"architecture\" is missing");
  refuse_change("\"apply_b_dec_to_input\": true", "\"apply_b_dec_to_input\": 1", "expected true or false");
  refuse_change("\"normalize_activations\": \"none\"", "\"normalize_activations\": true",
                "expected a string");
  refuse_change("\"normalize_activations\": \"none\"", "\"normalize_activations\": \"layer_norm\"",
                "cfg.json: normalize_activations: 'layer_norm' is not folded");
  refuse_change("\"metadata\": {", "\"metadata\": 5, \"m\": {", "metadata: expected an object");
}

TEST(CoderFile, RefusesWeightsThatAreNotFinite) {
  for (auto member : {&CoderFile::w_enc, &CoderFile::w_dec, &CoderFile::b_enc, &CoderFile::b_dec}) {
    const TemporaryFolder folder;
    CoderFile coder = sample();
    (coder.*member)[1] = std::numeric_limits<float>::quiet_NaN();
    write_coder_file(folder.path(), coder);
    expect_error(ErrorCode::kBadInput, "element 1 is not finite", [&] { read_coder_file(folder.path()); });
  }
}

TEST(CoderFile, RefusesToWriteWeightsOfAnotherShape) {
  const TemporaryFolder folder;
  write_coder_file(folder.path(), sample());
  const std::string before = read_file(folder / "sae_weights.safetensors");
  CoderFile coder = sample();
  coder.b_dec.push_back(1);
  expect_error(ErrorCode::kInvalidArgument, "\"b_dec\": more bytes",
               [&] { write_coder_file(folder.path(), coder); });
  coder = sample();
  coder.w_enc.pop_back();
  expect_error(ErrorCode::kInvalidArgument, "4 bytes were not written",
               [&] { write_coder_file(folder.path(), coder); });
  EXPECT_EQ(read_file(folder / "sae_weights.safetensors"), before);
  EXPECT_EQ(folder.entries(), 2u);
}

TEST(CoderFile, SurvivesTruncationAndMutation) {
  const TemporaryFolder folder;
  write_coder_file(folder.path(), sample());
  const auto read = [&] { read_coder_file(folder.path()); };
  for (const char* name : {"cfg.json", "sae_weights.safetensors"}) {
    std::string whole = read_file(folder / name);
    if (whole.back() == '\n') whole.pop_back();
    test::refuse_every_truncation(folder / name, whole, read);
    test::survive_mutations(folder / name, whole, 1000, read);
  }
}

TEST(CoderFile, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::kBadInput, "cfg.json: No such file", [&] { read_coder_file(folder.path()); });
  put(folder / "file", "x");
  expect_error(ErrorCode::kFailed, "cannot make the folder",
               [&] { write_coder_file(folder / "file" / "c", sample()); });
}

}  // namespace
}  // namespace polysem
