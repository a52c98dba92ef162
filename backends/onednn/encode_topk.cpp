#include <string>

#include "backends/onednn/latent_blocks.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/selection.hpp"
#include "backends/onednn/views.hpp"
#include "polysem/error.hpp"

namespace polysem::onednn {

namespace {

bool by_latent(const Candidate& a, const Candidate& b) { return a.latent() < b.latent(); }

void check_candidates(const EncodeTopK& op, const std::int32_t* candidates) {
  for (std::int64_t i = 0; i < op.candidates; ++i) {
    if (candidates[i] < 0 || candidates[i] >= op.latents || (i > 0 && candidates[i] <= candidates[i - 1]))
      throw Error(ErrorCode::kInvalidArgument,
                  "encode_topk: candidates must ascend inside [0, " + std::to_string(op.latents) +
                      "), found " + std::to_string(candidates[i]) + " at " + std::to_string(i));
  }
}

EncodeInput input_of(const EncodeTopK& op, const EncodeTopK::Operands& t) {
  const auto* candidates = data_of<const std::int32_t>(t.candidates);
  check_candidates(op, candidates);
  return {.rows = op.rows,
          .d_in = op.d_in,
          .latents = op.latents,
          .precision = op.precision,
          .x = t.x,
          .w_enc = t.w_enc,
          .b_enc = t.b_enc,
          .scale = t.scale,
          .candidates = op.candidates > 0 ? candidates : nullptr,
          .candidate_count = op.candidates};
}

// Each task finds the best of its samples in its part of the latents; parts of a sample are merged at the
// end.
class Encoder {
 public:
  Encoder(Context& context, const EncodeTopK& op, const EncodeTopK::Operands& t)
      : context_(context),
        op_(op),
        t_(t),
        candidates_(op.candidates > 0 ? data_of<const std::int32_t>(t.candidates) : nullptr),
        tiles_(context, input_of(op, t)),
        parts_(tiles_.parts()),
        room_(op.k + (tiles_.screened() ? op.k + 64 : 0)) {}

  void run() {
    nonfinite_ = context_.scratch.take<std::uint8_t>(op_.rows * parts_);
    kept_ = context_.scratch.take<Candidate>(op_.rows * parts_ * room_);
    kept_counts_ = context_.scratch.take<std::int64_t>(op_.rows * parts_);
    const std::int64_t tile_rows = tiles_.rows_of(0);
    const auto found = context_.per_thread<std::byte>(Selection::bytes(tile_rows, op_.k));
    const auto exact = context_.per_thread<std::byte>(Selection::bytes(1, op_.k));
    Context::parallel(tiles_.tasks(), [&](std::int64_t task) {
      encode(task, found.of(Context::thread()), exact.of(Context::thread()));
    });
    if (tiles_.screened()) settle();
    merge();
    count_nonfinite();
  }

 private:
  void encode(std::int64_t task, std::byte* memory, std::byte* exact_memory) const {
    const std::int64_t tile = task / parts_, part = task % parts_, first = tiles_.first_row(tile);
    Selection selection(memory, tiles_.rows_of(tile), op_.k, tiles_, first);
    tiles_.walk(task, [&](const ScanTile& piece) { selection.look_through(piece); });
    for (std::int64_t r = 0; r < tiles_.rows_of(tile); ++r) {
      if (selection.unfit(r) && tiles_.screened()) {
        Selection one(exact_memory, 1, op_.k, tiles_, first + r, true);
        tiles_.walk_exact(first + r, part, [&](const ScanTile& piece) { one.look_through(piece); });
        keep(first + r, part, one, 0);
      } else {
        keep(first + r, part, selection, r);
      }
    }
  }

  void keep(std::int64_t row, std::int64_t part, Selection& selection, std::int64_t place) const {
    const std::int64_t at = row * parts_ + part;
    nonfinite_[at] = selection.unfit(place) ? 1 : 0;
    std::int64_t count = 0;
    const Candidate* best = selection.finish(place, room_, count);
    std::copy_n(best, count, kept_ + at * room_);
    kept_counts_[at] = count;
  }

  void settle() const {
    for_latent_blocks(
        op_.rows * parts_, op_.latents, op_.d_in * 4,
        [&](std::int64_t list, std::int64_t from, std::int64_t latent) {
          while (from < kept_counts_[list] && kept_[list * room_ + from].latent() < latent) ++from;
          return from;
        },
        [&](std::int64_t list, std::int64_t from, std::int64_t to) {
          tiles_.settle(list / parts_, kept_ + list * room_ + from, to - from);
        });
  }

  // Of all parts of a sample the best.
  void merge() {
    PerThread<Candidate> buffers = context_.per_thread<Candidate>(parts_ * room_);
    PerThread<float> ranks = context_.per_thread<float>(parts_ * room_);
    Context::parallel_ranges(op_.rows, 32, [&](std::int64_t first, std::int64_t last) {
      Candidate* all = buffers.of(Context::thread());
      for (std::int64_t r = first; r < last; ++r) {
        std::int64_t count = 0;
        bool nonfinite = false;
        for (std::int64_t place = r * parts_; place < (r + 1) * parts_; ++place) {
          std::copy_n(kept_ + place * room_, kept_counts_[place], all + count);
          count += kept_counts_[place];
          nonfinite = nonfinite || nonfinite_[place] != 0;
        }
        write(r, all, keep_best(all, count, op_.k, ranks.of(Context::thread())), nonfinite);
      }
    });
  }

  // `best` has room for k; latents ascend.
  void write(std::int64_t row, Candidate* best, std::int64_t count, bool nonfinite) const {
    float* values = data_of<float>(t_.values) + row * op_.k;
    std::int32_t* ids = data_of<std::int32_t>(t_.ids) + row * op_.k;
    if (nonfinite) {
      for (std::int64_t i = 0; i < op_.k; ++i) {
        ids[i] = candidates_ != nullptr ? candidates_[i] : static_cast<std::int32_t>(i);
        values[i] = 0.0f;
      }
      return;
    }
    if (count < op_.k) fill_up(best, count);
    for (std::int64_t i = 0; i < op_.k; ++i) {
      ids[i] = best[i].latent();
      values[i] = best[i].value > 0.0f ? best[i].value : 0.0f;
    }
  }

  // Ranks of -infinity (a scale that overflows) or NaN were passed over; the lowest such latents come last.
  // Their pre-activations are negative, or their scales are no numbers: the value is 0.
  void fill_up(Candidate* best, std::int64_t count) const {
    const std::int64_t sorted = count;
    for (std::int64_t i = 0; i < considered() && count < op_.k; ++i) {
      const auto latent =
          static_cast<std::uint32_t>(candidates_ != nullptr ? candidates_[i] : static_cast<std::int32_t>(i));
      const Candidate c{~latent, 0.0f, 0.0f};
      if (!std::binary_search(best, best + sorted, c, by_latent)) best[count++] = c;
    }
    std::sort(best, best + count, by_latent);
  }

  void count_nonfinite() const {
    if (!t_.nonfinite) return;
    std::uint32_t rows = 0;
    for (std::int64_t r = 0; r < op_.rows; ++r) {
      const auto* flags = nonfinite_ + r * parts_;
      rows += std::any_of(flags, flags + parts_, [](std::uint8_t flag) { return flag != 0; }) ? 1u : 0u;
    }
    *data_of<std::uint32_t>(t_.nonfinite) += rows;
  }

  std::int64_t considered() const { return op_.candidates > 0 ? op_.candidates : op_.latents; }

  Context& context_;
  const EncodeTopK& op_;
  const EncodeTopK::Operands& t_;
  const std::int32_t* candidates_;
  EncodeTiles tiles_;
  std::int64_t parts_, room_;
  std::uint8_t* nonfinite_ = nullptr;
  Candidate* kept_ = nullptr;
  std::int64_t* kept_counts_ = nullptr;
};

}  // namespace

void run(Context& context, const EncodeTopK& op, const EncodeTopK::Operands& t) {
  if (op.rows == 0) return;
  Encoder(context, op, t).run();
}

}  // namespace polysem::onednn
