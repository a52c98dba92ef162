#include <gtest/gtest.h>

#include "tests/core/test_model.hpp"

// Files that are right, and every way in which a file can be wrong.
namespace polysem::core::testing {
namespace {

polysem_status open(const Aligned& file) {
  polysem_model model;
  return polysem_open(file.data(), file.size(), &model);
}

/// A small file with as many kinds of sections as fit one model.
TestModel everything(polysem_activation activation = POLYSEM_GATED) {
  Shape shape{.d_in = 5, .d_out = 5, .latents = 3, .activation = activation};
  shape.encoder = POLYSEM_INT8, shape.decoder = POLYSEM_INT4;
  shape.subtract = shape.skip = shape.ids = shape.text = true;
  return make_model(shape);
}

TEST(CoreOpen, EveryFormatAndActivation) {
  for (int dtype = POLYSEM_F32; dtype <= POLYSEM_INT4; ++dtype)
    for (int activation = POLYSEM_RELU; activation <= POLYSEM_GATED; ++activation) {
      Shape shape{.d_in = 33, .d_out = 7, .latents = 9};
      shape.activation = static_cast<polysem_activation>(activation);
      shape.encoder = static_cast<polysem_dtype>(dtype);
      shape.decoder = static_cast<polysem_dtype>(POLYSEM_INT4 - dtype);
      shape.k = activation == POLYSEM_TOPK ? 4 : 0;
      const Opened opened(make_model(shape).file());
      ASSERT_EQ(opened.status, POLYSEM_OK) << polysem_status_text(opened.status);
      EXPECT_EQ(opened.model.d_in, 33u);
      EXPECT_EQ(opened.model.d_out, 7u);
      EXPECT_EQ(opened.model.latents, 9u);
      EXPECT_EQ(opened.model.k, shape.k);
      EXPECT_EQ(opened.model.activation, activation);
      EXPECT_EQ(opened.model.encoder_dtype, dtype);
    }
}

TEST(CoreOpen, TextAndOriginalLatents) {
  const Opened opened(everything().file());
  ASSERT_EQ(opened.status, POLYSEM_OK);
  polysem_text text;
  ASSERT_EQ(polysem_latent_name(&opened.model, 2, &text), POLYSEM_OK);
  EXPECT_EQ(std::string(text.data, text.length), "nxx");
  ASSERT_EQ(polysem_latent_note(&opened.model, 2, &text), POLYSEM_OK);
  EXPECT_EQ(text.length, 0u);
  EXPECT_EQ(polysem_latent_name(&opened.model, 3, &text), POLYSEM_BAD_LATENT);
  text = polysem_model_source(&opened.model);
  EXPECT_EQ(std::string(text.data, text.length), "a model, a site");
  std::uint32_t latent = 99;  // the file's latents 0, 1, 2 are 0, 4, 8 of 9
  ASSERT_EQ(polysem_find_latent(&opened.model, 4, &latent), POLYSEM_OK);
  EXPECT_EQ(latent, 1u);
  for (const std::uint32_t missing : {1u, 3u, 5u, 7u, 9u, 0xffffffffu})
    EXPECT_EQ(polysem_find_latent(&opened.model, missing, &latent), POLYSEM_BAD_LATENT);
  ASSERT_EQ(polysem_source_latent(&opened.model, 2, &latent), POLYSEM_OK);
  EXPECT_EQ(latent, 8u);
  EXPECT_EQ(polysem_source_latent(&opened.model, 3, &latent), POLYSEM_BAD_LATENT);
}

TEST(CoreOpen, WithoutThemTheyAreEmpty) {
  const Opened opened(make_model({}).file());
  polysem_text text;
  ASSERT_EQ(polysem_latent_name(&opened.model, 0, &text), POLYSEM_OK);
  EXPECT_EQ(text.length, 0u);
  EXPECT_EQ(polysem_model_source(&opened.model).length, 0u);
  std::uint32_t latent = 99;
  ASSERT_EQ(polysem_find_latent(&opened.model, 69, &latent), POLYSEM_OK);
  EXPECT_EQ(latent, 69u);
  EXPECT_EQ(polysem_find_latent(&opened.model, 70, &latent), POLYSEM_BAD_LATENT);
}

TEST(CoreOpen, BytesBehindTheFileAreLeftAlone) {
  const Aligned file = everything().file();
  std::vector<unsigned char> longer(file.data(), file.data() + file.size());
  longer.resize(longer.size() + 100, 0xff);
  EXPECT_EQ(open({longer.data(), longer.size()}), POLYSEM_OK);
}

TEST(CoreOpen, TruncatedAnywhere) {
  for (const polysem_activation activation : {POLYSEM_GATED, POLYSEM_JUMPRELU}) {
    const Aligned file = everything(activation).file();
    ASSERT_EQ(open(file), POLYSEM_OK);
    for (std::size_t size = 0; size < file.size(); ++size)
      ASSERT_EQ(open({file.data(), size}), POLYSEM_TRUNCATED) << size;
  }
}

TEST(CoreOpen, AnyFlippedBit) {
  for (const polysem_activation activation : {POLYSEM_GATED, POLYSEM_JUMPRELU}) {
    Aligned file = everything(activation).file();
    for (std::size_t at = 0; at < file.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        file.data()[at] ^= static_cast<unsigned char>(1 << bit);
        ASSERT_NE(open(file), POLYSEM_OK) << at << ", bit " << bit;
        file.data()[at] ^= static_cast<unsigned char>(1 << bit);
      }
    EXPECT_EQ(open(file), POLYSEM_OK);
  }
}

TEST(CoreOpen, Misaligned) {
  const Aligned file = everything().file();
  for (std::size_t by = 1; by < 64; ++by) {
    Aligned moved(file.size() + by);
    std::memcpy(moved.data() + by, file.data(), file.size());
    polysem_model model;
    EXPECT_EQ(polysem_open(moved.data() + by, file.size(), &model), POLYSEM_BAD_ALIGNMENT);
  }
}

TEST(CoreOpen, Null) {
  polysem_model model;
  const Aligned file = everything().file();
  EXPECT_EQ(polysem_open(nullptr, 100, &model), POLYSEM_BAD_ARGUMENT);
  EXPECT_EQ(polysem_open(file.data(), file.size(), nullptr), POLYSEM_BAD_ARGUMENT);
}

/// Writes the model after a change of the header; the checksums are right.
template <class Change>
polysem_status with_header(const TestModel& model, const Change& change) {
  FileWriter writer = model.writer();
  change(writer.header);
  return open(writer.write());
}

TEST(CoreOpen, NumbersOfTheHeader) {
  const TestModel model = everything(POLYSEM_JUMPRELU);
  const auto status = [&](auto change) { return with_header(model, change); };
  EXPECT_EQ(status([](FileHeader&) {}), POLYSEM_OK);
  EXPECT_EQ(status([](FileHeader& h) { h.magic[6] = 'N'; }), POLYSEM_NOT_A_MODEL);
  EXPECT_EQ(status([](FileHeader& h) { h.version_major = 2; }), POLYSEM_UNSUPPORTED_VERSION);
  EXPECT_EQ(status([](FileHeader& h) { h.version_minor = 7; }), POLYSEM_OK);
  EXPECT_EQ(status([](FileHeader& h) { h.flags = 2; }), POLYSEM_UNSUPPORTED_VERSION);
  EXPECT_EQ(status([](FileHeader& h) { h.activation = 5; }), POLYSEM_UNSUPPORTED_DTYPE);
  EXPECT_EQ(status([](FileHeader& h) { h.encoder_dtype = 5; }), POLYSEM_UNSUPPORTED_DTYPE);
  EXPECT_EQ(status([](FileHeader& h) { h.decoder_dtype = 255; }), POLYSEM_UNSUPPORTED_DTYPE);
  for (const float scale : {0.0f, -1.0f, NAN, INFINITY}) {
    EXPECT_EQ(status([=](FileHeader& h) { h.input_scale = scale; }), POLYSEM_BAD_VALUE) << scale;
    EXPECT_EQ(status([=](FileHeader& h) { h.output_scale = scale; }), POLYSEM_BAD_VALUE) << scale;
  }
  EXPECT_EQ(status([](FileHeader& h) { h.k = 1; }), POLYSEM_BAD_LAYOUT);
  // Counts whose products do not fit 32 or 64 bits, and such as do and come out small.
  for (const std::uint32_t count :
       {0u, 4u, 6u, 0x40000000u, 0x40000003u, 0x7fffffffu, 0x80000003u, 0xffffffffu}) {
    EXPECT_EQ(status([=](FileHeader& h) { h.latents = count; }), POLYSEM_BAD_LAYOUT) << count;
    EXPECT_EQ(status([=](FileHeader& h) { h.d_in = h.d_out = count + 32; }), POLYSEM_BAD_LAYOUT) << count;
    EXPECT_EQ(status([=](FileHeader& h) { h.d_in = count + 32; }), POLYSEM_BAD_LAYOUT) << count;
    EXPECT_EQ(status([=](FileHeader& h) { h.d_out = count + 32; }), POLYSEM_BAD_LAYOUT) << count;
  }
  EXPECT_EQ(
      status([](FileHeader& h) { h.latents = h.source_latents = 0x7fffffff, h.d_in = h.d_out = 1u << 24; }),
      POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(status([](FileHeader& h) { h.source_latents = 8; }), POLYSEM_BAD_LAYOUT);  // id 8 is beyond
}

TEST(CoreOpen, TopKNeedsAKAndTheWholeCoder) {
  Shape shape{.d_in = 5, .d_out = 5, .latents = 3, .activation = POLYSEM_TOPK, .k = 3};
  EXPECT_EQ(open(make_model(shape).file()), POLYSEM_OK);
  for (const std::uint32_t k : {0u, 4u, 0xffffffffu})
    EXPECT_EQ(with_header(make_model(shape), [=](FileHeader& h) { h.k = k; }), POLYSEM_BAD_LAYOUT);
  shape.ids = true;
  EXPECT_EQ(open(make_model(shape).file()), POLYSEM_BAD_LAYOUT);
}

/// The file with one section's entry in the table, or the header, changed behind the writer's back.
template <class Change>
polysem_status with_table(const Change& change) {
  const Aligned file = everything().file();
  std::vector<unsigned char> bytes(file.data(), file.data() + file.size());
  FileHeader head;
  std::memcpy(&head, bytes.data(), sizeof head);
  auto* table = reinterpret_cast<Section*>(bytes.data() + sizeof head);
  change(head, table);
  const auto end =
      static_cast<std::size_t>(padded(sizeof head + everything().writer().sections().size() * 24));
  return open(FileWriter::sign(bytes, head, end));
}

TEST(CoreOpen, SectionsThatLieElsewhere) {
  EXPECT_EQ(with_table([](FileHeader&, Section*) {}), POLYSEM_OK);
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{64}, std::uint64_t{1} << 32,
        (std::uint64_t{1} << 32) + 448, ~std::uint64_t{0}, ~std::uint64_t{63}, std::uint64_t{1} << 63}) {
    EXPECT_NE(with_table([=](FileHeader&, Section* s) { s[0].offset = wrong; }), POLYSEM_OK) << wrong;
    EXPECT_NE(with_table([=](FileHeader&, Section* s) { s[5].offset = wrong; }), POLYSEM_OK) << wrong;
    EXPECT_NE(with_table([=](FileHeader&, Section* s) { s[0].bytes = wrong; }), POLYSEM_OK) << wrong;
    EXPECT_NE(with_table([=](FileHeader&, Section* s) { s[5].bytes = wrong; }), POLYSEM_OK) << wrong;
    EXPECT_NE(with_table([=](FileHeader& h, Section*) { h.file_bytes = wrong; }), POLYSEM_OK) << wrong;
  }
  for (const std::uint32_t count : {0u, 1u, 12u, 14u, 64u, 65u, 0x0aaaaaabu, 0xffffffffu})
    EXPECT_NE(with_table([=](FileHeader& h, Section*) { h.section_count = count; }), POLYSEM_OK) << count;
  EXPECT_EQ(with_table([](FileHeader&, Section* s) { std::swap(s[0].kind, s[1].kind); }), POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(with_table([](FileHeader&, Section* s) { s[1].kind = s[0].kind; }), POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(with_table([](FileHeader&, Section* s) { s[0].kind = 0; }), POLYSEM_BAD_LAYOUT);
}

TEST(CoreOpen, SectionsTooManyOrTooFew) {
  for (std::size_t drop = 0; drop < everything().writer().sections().size(); ++drop) {
    const FileWriter whole = everything().writer();
    const Aligned file = whole.write();
    FileWriter without;
    without.header = whole.header;
    std::uint32_t kind = 0;
    for (FileWriter copy = whole; const Section& section : copy.sections()) {
      Section placed;
      const std::size_t index = static_cast<std::size_t>(&section - copy.sections().data());
      std::memcpy(&placed, file.data() + sizeof(FileHeader) + index * sizeof placed, sizeof placed);
      if (index == drop)
        kind = placed.kind;
      else
        without.add(placed.kind, file.data() + placed.offset, static_cast<std::size_t>(placed.bytes));
    }
    const bool may_go = kind == kSkip || kind == kNames || kind == kNotes || kind == kSource;
    EXPECT_EQ(open(without.write()), may_go ? POLYSEM_OK : POLYSEM_BAD_LAYOUT) << kind;
  }
  TestModel model = make_model({.d_in = 5, .d_out = 5, .latents = 3});
  model.threshold = {1, 1, 1};  // ReLU has none
  EXPECT_EQ(open(model.file()), POLYSEM_BAD_LAYOUT);
  model.threshold.clear();
  model.encoder.scales = {1, 1, 1};
  EXPECT_EQ(open(model.file()), POLYSEM_BAD_LAYOUT);
}

TEST(CoreOpen, UnknownSections) {
  FileWriter writer = everything().writer();
  writer.add(kOptionalSection + 5, "later", 5);
  EXPECT_EQ(open(writer.write()), POLYSEM_OK);
  writer = everything().writer();
  writer.add(kSource + 1, "later", 5);
  EXPECT_EQ(open(writer.write()), POLYSEM_UNSUPPORTED_VERSION);
}

TEST(CoreOpen, NumbersThatAreNotFinite) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    const auto check = [&](auto member) {
      for (const polysem_activation activation : {POLYSEM_GATED, POLYSEM_JUMPRELU}) {
        TestModel model = everything(activation);
        std::vector<float>& values = member(model);
        if (values.empty()) continue;
        values.back() = bad;
        EXPECT_EQ(open(model.file()), POLYSEM_BAD_VALUE);
      }
    };
    check([](TestModel & m) -> auto& { return m.encoder_bias; });
    check([](TestModel & m) -> auto& { return m.decoder_bias; });
    check([](TestModel & m) -> auto& { return m.threshold; });
    check([](TestModel & m) -> auto& { return m.magnitude_scale; });
    check([](TestModel & m) -> auto& { return m.magnitude_bias; });
    check([](TestModel & m) -> auto& { return m.skip; });
    check([](TestModel & m) -> auto& { return m.encoder.scales; });
    check([](TestModel & m) -> auto& { return m.decoder.scales; });
  }
  for (const polysem_dtype dtype : {POLYSEM_F32, POLYSEM_F16, POLYSEM_BF16})
    for (const bool in_decoder : {false, true}) {
      TestModel model = make_model({.d_in = 5, .d_out = 5, .latents = 3, .encoder = dtype, .decoder = dtype});
      auto& bytes = in_decoder ? model.decoder.bytes : model.encoder.bytes;
      bytes[bytes.size() - 1] = 0x7f;  // an exponent of all ones, in the last element
      bytes[bytes.size() - 2] |= 0x80;
      if (dtype == POLYSEM_F16) bytes[bytes.size() - 2] = 1;
      EXPECT_EQ(open(model.file()), POLYSEM_BAD_VALUE) << dtype;
    }
}

TEST(CoreOpen, NegativeThresholdsAndScales) {
  TestModel model = everything(POLYSEM_JUMPRELU);
  model.threshold[1] = -0.5f;
  EXPECT_EQ(open(model.file()), POLYSEM_BAD_VALUE);
  model.threshold[1] = 0;
  EXPECT_EQ(open(model.file()), POLYSEM_OK);
  model.encoder.scales[2] = -1;
  EXPECT_EQ(open(model.file()), POLYSEM_BAD_VALUE);
}

TEST(CoreOpen, LatentIdsOutOfOrderOrRange) {
  for (const std::vector<std::uint32_t>& ids :
       std::vector<std::vector<std::uint32_t>>{{4, 0, 8}, {0, 4, 4}, {0, 4, 9}, {0, 4, 0xffffffff}}) {
    TestModel model = everything();
    model.ids = ids;
    EXPECT_EQ(open(model.file()), POLYSEM_BAD_LAYOUT);
  }
}

TEST(CoreOpen, TextOffsetsOutOfOrderOrRange) {
  const auto status = [](std::vector<std::uint32_t> offsets) {
    FileWriter writer = make_model({.d_in = 5, .d_out = 5, .latents = 3}).writer();
    std::vector<unsigned char> bytes(offsets.size() * 4 + 6);
    std::memcpy(bytes.data(), offsets.data(), offsets.size() * 4);
    writer.add(kNames, bytes);
    return open(writer.write());
  };
  EXPECT_EQ(status({0, 2, 2, 6}), POLYSEM_OK);
  EXPECT_EQ(status({1, 2, 2, 6}), POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(status({0, 3, 2, 6}), POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(status({0, 2, 2, 7}), POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(status({0, 2, 2, 5}), POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(status({0, 0xffffffff, 2, 6}), POLYSEM_BAD_LAYOUT);
  EXPECT_EQ(status({0, 2}), POLYSEM_BAD_LAYOUT);
}

TEST(CoreOpen, EveryStatusHasItsText) {
  std::vector<std::string> texts;
  for (int status = POLYSEM_OK; status <= POLYSEM_NON_FINITE; ++status)
    texts.emplace_back(polysem_status_text(static_cast<polysem_status>(status)));
  EXPECT_NE(texts.back(), "unknown status");
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(std::unique(texts.begin(), texts.end()), texts.end());
  EXPECT_STREQ(polysem_status_text(static_cast<polysem_status>(POLYSEM_NON_FINITE + 1)), "unknown status");
}

}  // namespace
}  // namespace polysem::core::testing
