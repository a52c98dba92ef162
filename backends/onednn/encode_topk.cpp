#include <string>

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
constexpr std::int64_t kTileLatents = 128;  // latents of one product
constexpr std::int64_t kFewTasks = 16;      // below this the latents are split, too

bool by_latent(const Candidate& a, const Candidate& b) { return a.latent() < b.latent(); }

// H^T = W X^T tile by tile; behind each tile its columns, the samples, are looked through for candidates
// while it is in the cache. X is packed once, W is used as it lies. A task owns some samples and one part of
// the latents; parts of a sample are merged at the end.
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
    if (op_.d_in > 0) pack_x();
    if (candidates_ == nullptr) w_ = product_input(context_, t_.w_enc, type_, true);
    nonfinite_ = context_.scratch.take<std::uint8_t>(op_.rows * parts_);
    if (parts_ > 1) {
      kept_ = context_.scratch.take<Candidate>(op_.rows * parts_ * op_.k);
      kept_counts_ = context_.scratch.take<std::int64_t>(op_.rows * parts_);
    }
    PerThread<float> products = context_.per_thread<float>(tile_rows_ * kTileLatents);
    PerThread<std::byte> found = context_.per_thread<std::byte>(Selection::bytes(tile_rows_, op_.k));
    PerThread<std::byte> weights =
        context_.per_thread<std::byte>(gathers() ? kTileLatents * op_.d_in * 4 : 0);
    PerThread<float> tables = context_.per_thread<float>(gathers() ? 2 * kTileLatents : 0);
    Context::parallel(row_tiles_ * parts_, [&](std::int64_t i) {
      const int thread = Context::thread();
      encode(i / parts_, i % parts_,
             {products.of(thread), found.of(thread), weights.of(thread), tables.of(thread)});
    });
    if (parts_ > 1) merge();
    count_nonfinite();
  }

 private:
  struct Memory {
    float* product;
    std::byte* found;
    std::byte* weights;
    float* tables;
  };

  bool gathers() const { return candidates_ != nullptr; }
  std::int64_t element() const { return type_.bf16 ? 2 : 4; }
  std::int64_t rows_of_tile(std::int64_t tile) const {
    return std::min(tile_rows_, op_.rows - tile * tile_rows_);
  }

  void check_candidates() const {
    for (std::int64_t i = 0; i < op_.candidates; ++i) {
      if (candidates_[i] < 0 || candidates_[i] >= op_.latents ||
          (i > 0 && candidates_[i] <= candidates_[i - 1]))
        throw Error(ErrorCode::kInvalidArgument,
                    "encode_topk: candidates must ascend inside [0, " + std::to_string(op_.latents) +
                        "), found " + std::to_string(candidates_[i]) + " at " + std::to_string(i));
    }
  }

  std::shared_ptr<const Matmul> product(std::int64_t latents, std::int64_t rows) const {
    MatmulShape shape;
    shape.m = latents, shape.n = rows, shape.k = op_.d_in;
    shape.lda = op_.d_in, shape.ldc = rows;
    shape.right = RightLayout::kPacked, shape.bf16 = type_.bf16;
    return Matmul::of(shape);
  }

  void pack_x() {
    const ProductInput x = product_input(context_, t_.x, type_, false);
    for (const std::int64_t tile : {std::int64_t{0}, row_tiles_ - 1})
      packed_bytes_ = std::max(packed_bytes_, product(kTileLatents, rows_of_tile(tile))->packed_bytes());
    packed_bytes_ = (packed_bytes_ + 63) / 64 * 64;
    packed_x_ = context_.scratch.take<std::byte>(row_tiles_ * static_cast<std::int64_t>(packed_bytes_));
    Context::parallel(row_tiles_, [&](std::int64_t tile) {
      product(kTileLatents, rows_of_tile(tile))
          ->pack(x.data + tile * tile_rows_ * x.ld * element(), RightLayout::kTransposed, x.ld,
                 packed_x_ + static_cast<std::size_t>(tile) * packed_bytes_);
    });
  }

  void encode(std::int64_t row_tile, std::int64_t part, const Memory& memory) const {
    const std::int64_t row = row_tile * tile_rows_, rows = rows_of_tile(row_tile);
    Selection selection(memory.found, rows, op_.k);
    const std::int64_t end = std::min(count_, (part + 1) * part_latents_);
    std::shared_ptr<const Matmul> matmul;
    for (std::int64_t first = part * part_latents_; first < end; first += kTileLatents) {
      const std::int64_t count = std::min(kTileLatents, end - first);
      if ((!matmul || count < kTileLatents) && op_.d_in > 0) matmul = product(count, rows);
      encode_tile(matmul.get(), row_tile, first, count, memory, selection);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t place = (row + r) * parts_ + part;
      nonfinite_[place] = selection.nonfinite(r) ? 1 : 0;
      std::int64_t count = 0;
      Candidate* best = selection.finish(r, count);
      if (parts_ == 1) {
        write(row + r, best, count, selection.nonfinite(r));
      } else {
        std::copy_n(best, count, kept_ + place * op_.k);
        kept_counts_[place] = count;
      }
    }
  }

  void encode_tile(const Matmul* matmul, std::int64_t row_tile, std::int64_t first, std::int64_t count,
                   const Memory& memory, Selection& selection) const {
    const std::int64_t rows = rows_of_tile(row_tile);
    const std::byte* w = w_.data + first * op_.d_in * element();
    ScanTile tile{};
    tile.bias = row_of(t_.b_enc, 0) + first;
    tile.scale = t_.scale ? row_of(t_.scale, 0) + first : nullptr;
    tile.first = static_cast<std::int32_t>(first);
    if (gathers()) {
      gather(first, count, memory, tile);
      w = memory.weights;
    }
    if (matmul != nullptr) {
      (*matmul)(w, packed_x_ + static_cast<std::size_t>(row_tile) * packed_bytes_, memory.product);
    } else {
      std::fill_n(memory.product, rows * count, 0.0f);
    }
    for (std::int64_t j = 0; j < count; j += Selection::kMostLatents) {
      ScanTile piece = tile;
      piece.product = memory.product + j * rows;
      piece.latents = std::min(Selection::kMostLatents, count - j);
      piece.bias += j, piece.first += static_cast<std::int32_t>(j);
      if (piece.scale != nullptr) piece.scale += j;
      if (piece.ids != nullptr) piece.ids += j;
      selection.look_through(piece);
    }
  }

  // Rows, biases and scales of listed latents side by side.
  void gather(std::int64_t first, std::int64_t count, const Memory& memory, ScanTile& tile) const {
    const Rows w = rows_of(t_.w_enc);
    const auto* data = static_cast<const std::byte*>(w.data);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int32_t j = candidates_[first + i];
      convert_row(data + j * w.stride * (w.bf16 ? 2 : 4), w.bf16, type_,
                  memory.weights + i * op_.d_in * element(), op_.d_in);
      memory.tables[i] = row_of(t_.b_enc, 0)[j];
      if (t_.scale) memory.tables[kTileLatents + i] = row_of(t_.scale, 0)[j];
    }
    tile.bias = memory.tables;
    tile.scale = t_.scale ? memory.tables + kTileLatents : nullptr;
    tile.ids = candidates_ + first;
  }

  void merge() {
    PerThread<Candidate> buffers = context_.per_thread<Candidate>(parts_ * op_.k);
    Context::parallel_ranges(op_.rows, 32, [&](std::int64_t first, std::int64_t last) {
      Candidate* all = buffers.of(Context::thread());
      for (std::int64_t r = first; r < last; ++r) {
        std::int64_t count = 0;
        bool nonfinite = false;
        for (std::int64_t place = r * parts_; place < (r + 1) * parts_; ++place) {
          std::copy_n(kept_ + place * op_.k, kept_counts_[place], all + count);
          count += kept_counts_[place];
          nonfinite = nonfinite || nonfinite_[place] != 0;
        }
        keep_best(all, count, op_.k);
        write(r, all, std::min(count, op_.k), nonfinite);
      }
    });
  }

  // `best` has room for k.
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
    std::sort(best, best + count, by_latent);
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
    for (std::int64_t i = 0; i < count_ && count < op_.k; ++i) {
      const auto latent =
          static_cast<std::uint32_t>(gathers() ? candidates_[i] : static_cast<std::int32_t>(i));
      const Candidate c{~latent, 0.0f};
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

  Context& context_;
  const EncodeTopK& op_;
  const EncodeTopK::Operands& t_;
  std::int64_t count_, tile_rows_, row_tiles_;
  const std::int32_t* candidates_;
  std::int64_t part_latents_ = 0, parts_ = 0;
  ProductType type_;
  ProductInput w_;
  std::byte* packed_x_ = nullptr;
  std::size_t packed_bytes_ = 0;
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
