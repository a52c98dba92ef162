#pragma once

#include <optional>

#include "backends/onednn/matmul.hpp"
#include "backends/onednn/screening.hpp"

namespace polysem::onednn {

/// What is encoded. With `candidates` only those latents take part; ids ascend.
struct EncodeInput {
  std::int64_t rows = 0, d_in = 0, latents = 0;
  Precision precision = Precision::kF32;
  Tensor x, w_enc, b_enc, scale;
  const std::int32_t* candidates = nullptr;
  std::int64_t candidate_count = 0;
};

/// Pre-activations H^T = W X^T tile by tile, so that batch x latents never exists: a tile is looked through
/// while it is in the cache. X is packed once, W is used as it lies. A task owns some samples and one part of
/// the latents. f32 products are screened where that is possible: tiles then hold bounds, and what they let
/// through is computed by exact().
class EncodeTiles {
 public:
  static constexpr std::int64_t kRows = 128;        ///< samples of a task
  static constexpr std::int64_t kMostLatents = 64;  ///< of a piece that a task sees

  /// `same_weights`: tiles that have prepared these latents already.
  EncodeTiles(Context& context, const EncodeInput& input, const EncodeTiles* same_weights = nullptr);

  std::int64_t row_tiles() const noexcept { return row_tiles_; }
  std::int64_t parts() const noexcept { return parts_; }
  /// All tasks: i / parts() is the row tile, i % parts() the part.
  std::int64_t tasks() const noexcept { return row_tiles_ * parts_; }
  std::int64_t first_row(std::int64_t tile) const noexcept { return tile * tile_rows_; }
  std::int64_t rows_of(std::int64_t tile) const noexcept {
    return std::min(tile_rows_, in_.rows - tile * tile_rows_);
  }
  bool screened() const noexcept { return screening_.has_value(); }
  /// Whether a row's tiles say nothing, so that it needs walk_exact().
  bool beyond(std::int64_t row) const noexcept { return screened() && screening_->beyond(row); }

  /// see(ScanTile&) for each piece of a task, latents ascending; what a piece is compared with is left to
  /// fill in.
  template <class See>
  void walk(std::int64_t task, See&& see) const {
    const std::int64_t tile = task / parts_;
    each_block(task % parts_,
               [&](std::int64_t first, std::int64_t count) { each_piece(product(tile, first, count), see); });
  }
  /// The same for one row, in plain f32: for rows that cannot be screened.
  template <class See>
  void walk_exact(std::int64_t row, std::int64_t part, See&& see) const {
    each_block(part, [&](std::int64_t first, std::int64_t count) {
      each_piece(exact_product(row, first, count), see);
    });
  }
  /// Of a screened candidate: pre-activation by an f32 sum in a fixed order, and rank.
  void settle(std::int64_t row, Candidate* found, std::int64_t count) const;

 private:
  struct Memory {
    float* product;
    std::byte* weights;  // gathered
    float* tables;       // gathered biases and scales
    float* line;         // one row as f32
  };

  static constexpr std::int64_t kLatents = 128;  // of one product

  template <class Do>
  void each_block(std::int64_t part, Do&& run) const {
    const std::int64_t end = std::min(count_, (part + 1) * part_latents_);
    for (std::int64_t first = part * part_latents_; first < end; first += kLatents)
      run(first, std::min(kLatents, end - first));
  }

  template <class See>
  static void each_piece(const ScanTile& tile, See&& see) {
    for (std::int64_t j = 0; j < tile.latents; j += kMostLatents) {
      ScanTile piece = tile;
      piece.product += j * tile.rows;
      piece.latents = std::min(kMostLatents, tile.latents - j);
      piece.bias += j, piece.first += static_cast<std::int32_t>(j);
      if (piece.scale != nullptr) piece.scale += j;
      if (piece.ids != nullptr) piece.ids += j;
      if (piece.bounds)
        for (const float*& table : piece.bounds.latent) table += j;
      see(piece);
    }
  }

  bool gathers() const { return in_.candidates != nullptr; }
  std::int64_t element() const { return type_.bf16 ? 2 : 4; }
  Memory memory() const;
  std::shared_ptr<const Matmul> matmul(std::int64_t latents, std::int64_t rows) const;
  void pack_x();
  ScanTile tables(std::int64_t first, std::int64_t count) const;
  ScanTile product(std::int64_t tile, std::int64_t first, std::int64_t count) const;
  ScanTile exact_product(std::int64_t row, std::int64_t first, std::int64_t count) const;
  void gather(std::int64_t first, std::int64_t count, ScanTile& tile) const;
  const float* x_row(std::int64_t row) const;

  Context& context_;
  EncodeInput in_;
  std::int64_t count_, tile_rows_, row_tiles_, part_latents_, parts_;
  ProductType type_;
  ProductInput x_, w_;
  std::optional<Screening> screening_;
  std::byte* packed_x_ = nullptr;
  std::size_t packed_bytes_ = 0;
  PerThread<float> products_, tables_, lines_;
  PerThread<std::byte> weights_;
};

}  // namespace polysem::onednn
