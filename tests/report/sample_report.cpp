#include "tests/report/sample_report.hpp"

#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "polysem/latent_entries.hpp"
#include "polysem/latent_selection.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

constexpr std::int64_t kLatents = 512;
constexpr std::int64_t kDim = 24;
constexpr int kKinds = 4, kSlots = 4, kWords = 16;
const std::array<std::string, kKinds> kLabels{"fiction", "kernel", "scripture", "cookery"};

/// Words by kind and slot (who, does, what, where): their places in these tables are the latents.
const std::array<std::array<std::array<const char*, kWords>, kSlots>, kKinds> kTable{{
    {{{" Emma", " Mr", " Anne", " sister", " captain", " mother", " lady", " friend", " cousin", " aunt",
       " Harriet", " colonel", " vicar", " baronet", " widow", " nephew"},
      {" admired", " invited", " refused", " married", " visited", " blushed", " danced", " wrote", " sighed",
       " smiled", " walked", " wept", " doubted", " praised", " forgot", " hoped"},
      {" letter", " ball", " estate", " fortune", " carriage", " piano", " dress", " dinner", " marriage",
       " portrait", " garden", " novel", " bonnet", " rumour", " secret", " dowry"},
      {" Bath", " London", " parlour", " river", " village", " church", " park", " library", " cottage",
       " seaside", " orchard", " ballroom", " lane", " terrace", " inn", " abbey"}}},
    {{{" driver", " scheduler", " kernel", " interrupt", " device", " thread", " mutex", " allocator",
       " inode", " socket", " timer", " cgroup", " firmware", " bus", " cache", " syscall"},
      {" locks", " frees", " maps", " probes", " registers", " schedules", " flushes", " wakes", " polls",
       " returns", " copies", " pins", " traces", " masks", " exports", " mounts"},
      {" buffer", " page", " pointer", " register", " queue", " descriptor", " namespace", " packet",
       " struct", " bitmap", " list", " callback", " spinlock", " table", " fd", " ring"},
      {" memory", " userspace", " DMA", " sysfs", " RCU", " NUMA", " procfs", " BIOS", " SMP", " PCI", " EFI",
       " initrd", " swap", " debugfs", " tmpfs", " ACPI"}}},
    {{{" LORD", " prophet", " king", " shepherd", " Moses", " angel", " priest", " David", " servant",
       " Israel", " Pharaoh", " disciple", " Aaron", " scribe", " elder", " Levite"},
      {" spake", " begat", " smote", " blessed", " commanded", " sware", " rejoiced", " slew", " anointed",
       " gathered", " departed", " lifted", " hearkened", " sinned", " prophesied", " fasted"},
      {" covenant", " ark", " altar", " offering", " sword", " vineyard", " tabernacle", " manna", " oil",
       " commandment", " flock", " incense", " temple", " harvest", " scroll", " chariot"},
      {" Egypt", " Jerusalem", " wilderness", " Jordan", " heaven", " Babylon", " Zion", " Sinai", " Judah",
       " Galilee", " Canaan", " Nineveh", " Bethel", " Lebanon", " Gilead", " Moab"}}},
    {{{" cook", " baker", " onion", " butter", " flour", " garlic", " egg", " cream", " yeast", " pepper",
       " sugar", " lemon", " basil", " stock", " rice", " cheese"},
      {" simmer", " whisk", " fold", " knead", " chop", " roast", " season", " drain", " melt", " stir",
       " grate", " boil", " proof", " glaze", " sear", " steam"},
      {" dough", " sauce", " soup", " pastry", " salad", " stew", " loaf", " custard", " batter", " broth",
       " filling", " crust", " risotto", " gravy", " omelette", " sponge"},
      {" oven", " pan", " bowl", " pot", " table", " fridge", " grill", " plate", " tray", " dish", " mould",
       " kettle", " skillet", " ladle", " jar", " rack"}}},
}};
const std::array<const char*, 8> kGlue{" the", " and", " of", ".", ",", "\n", " a", " to"};
constexpr int kContent = kKinds * kSlots * kWords;

std::string token_text(std::int32_t token) {
  if (token >= kContent) return kGlue[static_cast<std::size_t>(token - kContent) % kGlue.size()];
  const auto t = static_cast<std::size_t>(token);
  return kTable[t / (kSlots * kWords)][t / kWords % kSlots][t % kWords];
}

struct Text {
  std::vector<std::int32_t> tokens, positions, documents;
  std::vector<std::string> names;
  std::vector<std::int32_t> labels;
};

/// Sentences "the WHO DOES the WHAT of the WHERE and ...", words drawn with falling frequency.
Text make_text(const Random& random) {
  Text text;
  std::uint64_t draw = 0;
  for (std::int32_t document = 0; document < 120; ++document) {
    const int kind = document % kKinds;
    text.names.push_back(kLabels[static_cast<std::size_t>(kind)] + "/chapter-" +
                         std::to_string(document / kKinds + 1));
    text.labels.push_back(kind);
    const auto word = [&](int slot) {
      const float u = random.uniform(draw++);
      const int stray = random.below(20, draw++) == 0 ? static_cast<int>(random.below(kKinds, draw++)) : kind;
      return (stray * kSlots + slot) * kWords + static_cast<int>(u * u * kWords);
    };
    std::int32_t position = 0;
    const auto put = [&](int token) {
      if (position > 0) {  // the first position is not stored
        text.tokens.push_back(token);
        text.positions.push_back(position);
        text.documents.push_back(document);
      }
      ++position;
    };
    while (position < 200) {
      for (const int token : {kContent, word(0), word(1), kContent, word(2), kContent + 2, kContent, word(3)})
        put(token);
      const auto end = static_cast<int>(random.below(4, draw++));
      if (end == 0) put(kContent + 4), put(kContent + 1);
      if (end > 0) put(kContent + 3);
      if (end == 1) put(kContent + 5);
    }
  }
  return text;
}

/// A token's own latent, two relatives, and the latent of the label.
std::map<std::int32_t, float> codes_of(std::int32_t token, std::size_t row, int kind, const Random& random) {
  std::map<std::int32_t, float> codes;
  const auto strength = [&](std::uint64_t i) { return 1.0f + 0.25f * random.normal(row * 8 + i); };
  if (token < kContent) {
    codes[token] = std::max(0.1f, 9.0f * strength(0));
    const std::int32_t group = token / kWords * kWords;
    codes[group + (token + 1) % kWords] = std::max(0.0f, 2.2f * strength(1) - 1.4f);
    codes[group + (token + 5) % kWords] = std::max(0.0f, 1.6f * strength(2) - 1.0f);
    codes[kContent + 20 + token / kWords] =
        std::max(0.1f, 4.0f * strength(3));  // one for each slot of a kind
  } else {
    codes[token] = std::max(0.1f, 5.0f * strength(0));
  }
  codes[kContent + 10 + kind] = std::max(0.0f, 1.5f * strength(4));
  return codes;
}

LatentCollector collect(const Text& text, const Random& random) {
  LatentCollector collector({.latents = kLatents, .seed = 7}, text.labels, kKinds);
  std::vector<std::int32_t> latents, offsets{0};
  std::vector<float> values;
  for (std::size_t r = 0; r < text.tokens.size(); ++r) {
    const int kind = text.labels[static_cast<std::size_t>(text.documents[r])];
    for (const auto& [latent, value] : codes_of(text.tokens[r], r, kind, random)) {
      latents.push_back(latent);
      values.push_back(value);
    }
    offsets.push_back(static_cast<std::int32_t>(values.size()));
  }
  collector.add({.tokens = text.tokens,
                 .positions = text.positions,
                 .documents = text.documents,
                 .latents = latents,
                 .values = values,
                 .row_offsets = offsets,
                 .k = 0});
  collector.finish();
  return collector;
}

/// Decoder rows that share a part with others of their slot, so that neighbours mean something.
std::vector<float> make_decoder(const Random& random) {
  std::vector<float> decoder(kLatents * kDim);
  for (std::size_t i = 0; i < decoder.size(); ++i) {
    const std::size_t latent = i / kDim, group = latent / kWords;
    decoder[i] = random.normal(1000000 + i) + 0.7f * random.normal(2000000 + group * kDim + i % kDim);
  }
  return decoder;
}

void fill_training(LatentReport& report, const Random& random) {
  report.provenance = {
      .recipe = "topk",
      .inputs = 576,
      .latents = kLatents,
      .active_latents = 32,
      .model = "SmolLM2-135M-Instruct",
      .site = "blocks.14.hook_resid_post",
      .text = "120 invented chapters",
      .training_rows = 400000,
      .dropped_rows = 1592,
      .samples = 3072000,
      .seed = 0,
      .backend = "onednn (oneDNN 2.6.3)",
      .precision = "f32",
      .version = "0.1.0",
      .commands = {"polysem capture --model smollm2 --text debian --site blocks.14.hook_resid_post "
                   "--tokens 400k --out store",
                   "polysem train --recipe topk --data store --latents 8192 --k 32 --out coder"}};
  for (int i = 0; i <= 300; ++i) {
    const double t = i / 300.0,
                 noise = static_cast<double>(random.normal(3000000 + static_cast<std::uint64_t>(i)));
    const double fvu = 0.17 + 0.75 * std::exp(-9 * t) + 0.003 * noise;
    report.curve.push_back({.samples = t * 3072000,
                            .loss = fvu * 16000,
                            .fvu = fvu,
                            .dead_fraction = 0.02 * t * std::exp(-4 * t),
                            .learning_rate = 4e-4 * std::min({1.0, t * 20, (1 - t) * 5})});
  }
  report.eval_json = R"({"schema": "polysem.eval/1", "metrics": {
    "reconstruction_quality": {"fvu": 0.188, "explained_variance": 0.812, "mse": 3012.0, "cossim": 0.901},
    "shrinkage": {"l2_ratio": 0.956}, "sparsity": {"l0": 31.98, "l1": 310.0},
    "latents": {"dead_fraction": 0.0031},
    "model_performance_preservation": {"ce_loss_without_sae": 3.4415, "ce_loss_with_sae": 3.652,
      "ce_loss_with_ablation": 10.636, "ce_loss_score": 0.9707},
    "model_behavior_preservation": {"kl_div_with_sae": 0.274, "kl_div_score": null}}})";
}

}  // namespace

LatentReport sample_report(std::int64_t chosen, std::int64_t random_count) {
  const Random random(21, RandomStream::kData);
  const Text text = make_text(random);
  const LatentCollector collector = collect(text, random);
  const std::vector<float> decoder = make_decoder(random);
  LatentReport report;
  fill_training(report, random);
  report.rows = collector.rows();
  report.rows_text = "of held-out chapters";
  report.labels = report_labels(kLabels, collector.label_rows());
  report.density = density_histogram(collector.records(), collector.rows());
  std::vector<std::int64_t> latents =
      choose_latents(collector.records(), collector.rows(), collector.label_rows(), decoder,
                     {.count = chosen, .density_high = 0.3});
  const auto drawn = random_live_latents(collector.records(), latents, random_count, 1);
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const EntrySources sources{.records = collector.records(),
                             .rows = collector.rows(),
                             .label_rows = collector.label_rows(),
                             .names = {token_text, text.names, text.labels},
                             .dim = kDim,
                             .encoder = decoder,
                             .decoder = decoder,
                             .unembedding = std::span(decoder).first((kContent + 8) * kDim)};
  report.latents = latent_entries(executor, sources, latents, LatentChoice::kInteresting);
  for (LatentEntry& entry : latent_entries(executor, sources, drawn, LatentChoice::kRandom)) {
    report.latents.push_back(std::move(entry));
  }
  return report;
}

}  // namespace polysem
