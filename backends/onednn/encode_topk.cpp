#include <string>
#include <vector>

#include "backends/onednn/cpu.hpp"
#include "backends/onednn/matmul.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/product_input.hpp"
#include "backends/onednn/selection.hpp"
#include "backends/onednn/views.hpp"
#include "polysem/error.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kTileRows = 128;     // samples of a task
constexpr std::int64_t kTileLatents = 256;  // latents of one product
constexpr std::int64_t kFewTasks = 16;      // below this the latents are split, too

// x W^T tile by tile; behind each tile its rows are looked through for candidates while it is in the cache. A
// task owns some rows and one part of the latents; parts of a row are merged at the end.
class Encoder {
 public:
  Encoder(Context& context, const EncodeTopK& op, const EncodeTopK::Operands& t)
      : context_(context),
        op_(op),
        t_(t),
        count_(op.candidates > 0 ? op.candidates : op.latents),
        tile_rows_(std::min(op.rows, kTileRows)),
        row_tiles_((op.rows + tile_rows_ - 1) / tile_rows_),
        candidates_(data_of<const std::int32_t>(t.candidates)) {
    type_.bf16 = op.precision == Precision::kBF16 && cpu().bf16;
    type_.round = op.precision == Precision::kBF16;
    const std::int64_t tiles = (count_ + kTileLatents - 1) / kTileLatents;
    const std::int64_t parts = std::clamp<std::int64_t>(kFewTasks / row_tiles_, 1, tiles);
    part_latents_ = (tiles + parts - 1) / parts * kTileLatents;
    parts_ = (count_ + part_latents_ - 1) / part_latents_;
  }

  void run() {
    check_candidates();
    x_ = product_input(context_, t_.x, type_, true);
    if (candidates_ == nullptr) w_ = product_input(context_, t_.w_enc, type_, true);
    capacity_ = RowSelection::capacity_for(op_.k);
    nonfinite_ = context_.scratch.take<std::uint8_t>(op_.rows * parts_);
    if (parts_ > 1) {
      kept_ = context_.scratch.take<Candidate>(op_.rows * parts_ * op_.k);
      kept_counts_ = context_.scratch.take<std::int64_t>(op_.rows * parts_);
    }
    PerThread<float> products = context_.per_thread<float>(tile_rows_ * kTileLatents);
    PerThread<Candidate> buffers = context_.per_thread<Candidate>(tile_rows_ * capacity_);
    PerThread<std::byte> weights =
        context_.per_thread<std::byte>(gathers() ? kTileLatents * op_.d_in * 4 : 0);
    PerThread<float> tables = context_.per_thread<float>(gathers() ? 2 * kTileLatents : 0);
    Context::parallel(row_tiles_ * parts_, [&](std::int64_t i) {
      const int thread = Context::thread();
      encode(i / parts_, i % parts_,
             {products.of(thread), buffers.of(thread), weights.of(thread), tables.of(thread)});
    });
    if (parts_ > 1) merge(buffers);
    count_nonfinite();
  }

 private:
  struct Memory {
    float* product;
    Candidate* found;
    std::byte* weights;
    float* tables;
  };

  bool gathers() const { return candidates_ != nullptr; }
  std::int64_t element() const { return type_.bf16 ? 2 : 4; }

  void check_candidates() const {
    for (std::int64_t i = 0; i < op_.candidates; ++i) {
      if (candidates_[i] < 0 || candidates_[i] >= op_.latents ||
          (i > 0 && candidates_[i] <= candidates_[i - 1]))
        throw Error(ErrorCode::kInvalidArgument,
                    "encode_topk: candidates must ascend inside [0, " + std::to_string(op_.latents) +
                        "), found " + std::to_string(candidates_[i]) + " at " + std::to_string(i));
    }
  }

  void encode(std::int64_t row_tile, std::int64_t part, const Memory& memory) const {
    const std::int64_t row = row_tile * tile_rows_, rows = std::min(tile_rows_, op_.rows - row);
    std::vector<RowSelection> selections;
    for (std::int64_t r = 0; r < rows; ++r) selections.emplace_back(memory.found + r * capacity_, op_.k);
    const std::int64_t end = std::min(count_, (part + 1) * part_latents_);
    for (std::int64_t first = part * part_latents_; first < end; first += kTileLatents)
      encode_tile(row, first, std::min(kTileLatents, end - first), memory, selections);
    for (std::int64_t r = 0; r < rows; ++r) {
      RowSelection& selection = selections[static_cast<std::size_t>(r)];
      const std::int64_t place = (row + r) * parts_ + part;
      nonfinite_[place] = selection.nonfinite() ? 1 : 0;
      const std::int64_t count = selection.finish();
      if (parts_ == 1) {
        write(row + r, selection.found(), count, selection.nonfinite());
      } else {
        std::copy_n(selection.found(), count, kept_ + place * op_.k);
        kept_counts_[place] = count;
      }
    }
  }

  void encode_tile(std::int64_t row, std::int64_t first, std::int64_t count, const Memory& memory,
                   std::vector<RowSelection>& selections) const {
    const auto rows = static_cast<std::int64_t>(selections.size());
    const std::byte* w = w_.data + first * w_.ld * element();
    std::int64_t ld = w_.ld;
    Scan scan{nullptr, row_of(t_.b_enc, 0) + first,      t_.scale ? row_of(t_.scale, 0) + first : nullptr,
              nullptr, static_cast<std::int32_t>(first), count};
    if (gathers()) {
      gather(first, count, memory, scan);
      w = memory.weights, ld = op_.d_in;
    }
    if (op_.d_in > 0) {
      const MatmulShape shape{rows,      count, op_.d_in, x_.ld, ld, count, false, RightLayout::kTransposed,
                              type_.bf16};
      (*Matmul::of(shape))(x_.data + row * x_.ld * element(), w, memory.product);
    } else {
      std::fill_n(memory.product, rows * count, 0.0f);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      scan.product = memory.product + r * count;
      selections[static_cast<std::size_t>(r)].look_through(scan);
    }
  }

  // Rows, biases and scales of listed latents side by side.
  void gather(std::int64_t first, std::int64_t count, const Memory& memory, Scan& scan) const {
    const Rows w = rows_of(t_.w_enc);
    const auto* data = static_cast<const std::byte*>(w.data);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int32_t j = candidates_[first + i];
      convert_row(data + j * w.stride * (w.bf16 ? 2 : 4), w.bf16, type_,
                  memory.weights + i * op_.d_in * element(), op_.d_in);
      memory.tables[i] = row_of(t_.b_enc, 0)[j];
      if (t_.scale) memory.tables[kTileLatents + i] = row_of(t_.scale, 0)[j];
    }
    scan.bias = memory.tables;
    scan.scale = t_.scale ? memory.tables + kTileLatents : nullptr;
    scan.ids = candidates_ + first;
  }

  void merge(const PerThread<Candidate>& buffers) const {
    Context::parallel_ranges(op_.rows, 32, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r) {
        RowSelection selection(buffers.of(Context::thread()), op_.k);
        bool nonfinite = false;
        for (std::int64_t place = r * parts_; place < (r + 1) * parts_; ++place) {
          selection.add(kept_ + place * op_.k, kept_counts_[place]);
          nonfinite = nonfinite || nonfinite_[place] != 0;
        }
        const std::int64_t count = selection.finish();
        write(r, selection.found(), count, nonfinite);
      }
    });
  }

  void write(std::int64_t row, Candidate* best, std::int64_t count, bool nonfinite) const {
    float* values = data_of<float>(t_.values) + row * op_.k;
    std::int32_t* ids = data_of<std::int32_t>(t_.ids) + row * op_.k;
    if (nonfinite) {
      for (std::int64_t i = 0; i < op_.k; ++i) {
        ids[i] = gathers() ? candidates_[i] : static_cast<std::int32_t>(i);
        values[i] = 0.0f;
      }
      return;
    }
    const auto by_latent = [](const Candidate& a, const Candidate& b) { return a.latent < b.latent; };
    std::sort(best, best + count, by_latent);
    if (count < op_.k) count = fill_up(best, count);
    for (std::int64_t i = 0; i < op_.k; ++i) {
      ids[i] = best[i].latent;
      values[i] = best[i].value > 0.0f ? best[i].value : 0.0f;
    }
  }

  // Ranks of -infinity (a scale that overflows) were passed over; the lowest such latents come last.
  std::int64_t fill_up(Candidate* best, std::int64_t count) const {
    const auto by_latent = [](const Candidate& a, const Candidate& b) { return a.latent < b.latent; };
    const std::int64_t sorted = count;
    for (std::int64_t i = 0; i < count_ && count < op_.k; ++i) {
      const Candidate c{0.0f, 0.0f, gathers() ? candidates_[i] : static_cast<std::int32_t>(i)};
      if (!std::binary_search(best, best + sorted, c, by_latent)) best[count++] = c;
    }
    std::sort(best, best + count, by_latent);
    return count;
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

  Context& context_;
  const EncodeTopK& op_;
  const EncodeTopK::Operands& t_;
  std::int64_t count_, tile_rows_, row_tiles_;
  const std::int32_t* candidates_;
  std::int64_t part_latents_ = 0, parts_ = 0, capacity_ = 0;
  ProductType type_;
  ProductInput x_, w_;
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
