#include "backends/onednn/encode_tiles.hpp"

#include <numeric>

#include "backends/onednn/cpu.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kFewTasks = 16;  // below this the latents are split, too
constexpr std::int64_t kMostDots = 64;  // of one call of settle()

ProductType type_for(const EncodeInput& in, bool screened) {
  if (screened) return {.bf16 = true, .round = true};
  const bool low = in.precision == Precision::kBF16;
  return {.bf16 = low && cpu().bf16, .round = low};
}

}  // namespace

EncodeTiles::EncodeTiles(Context& context, const EncodeInput& input, const EncodeTiles* same_weights)
    : context_(context),
      in_(input),
      count_(input.candidates != nullptr ? input.candidate_count : input.latents),
      tile_rows_(std::min(input.rows, kRows)),
      row_tiles_((input.rows + tile_rows_ - 1) / tile_rows_),
      products_(context.per_thread<float>(tile_rows_ * kLatents)),
      tables_(context.per_thread<float>(input.candidates != nullptr ? 2 * kLatents : 0)),
      lines_(context.per_thread<float>(input.d_in)),
      weights_(context.per_thread<std::byte>(input.candidates != nullptr ? kLatents * input.d_in * 4 : 0)) {
  const std::int64_t tiles = (count_ + kLatents - 1) / kLatents;
  const std::int64_t parts =
      std::clamp<std::int64_t>(kFewTasks / row_tiles_, 1, std::max<std::int64_t>(tiles, 1));
  part_latents_ = std::max<std::int64_t>((tiles + parts - 1) / parts, 1) * kLatents;
  parts_ = std::max<std::int64_t>((count_ + part_latents_ - 1) / part_latents_, 1);

  const bool screen = in_.precision == Precision::kF32 && !gathers() &&
                      Screening::possible(in_.d_in, row_of(in_.scale, 0), in_.latents);
  type_ = type_for(in_, screen);
  if (screen && same_weights != nullptr) {
    screening_.emplace(context, in_.x, *same_weights->screening_);
  } else if (screen) {
    screening_.emplace(context, in_.x, in_.w_enc, in_.b_enc);
  }
  if (in_.d_in == 0) return;
  x_ = screen ? screening_->x() : product_input(context, in_.x, type_, false);
  if (screen) {
    w_ = screening_->w();
  } else if (same_weights != nullptr) {
    w_ = same_weights->w_;
  } else if (!gathers()) {
    w_ = product_input(context, in_.w_enc, type_, true);
  }
  pack_x();
}

EncodeTiles::Memory EncodeTiles::memory() const {
  const int thread = Context::thread();
  return {products_.of(thread), weights_.of(thread), tables_.of(thread), lines_.of(thread)};
}

std::shared_ptr<const Matmul> EncodeTiles::matmul(std::int64_t latents, std::int64_t rows) const {
  MatmulShape shape;
  shape.m = latents, shape.n = rows, shape.k = in_.d_in;
  shape.lda = in_.d_in, shape.ldc = rows;
  shape.right = RightLayout::kPacked, shape.bf16 = type_.bf16;
  return Matmul::of(shape);
}

void EncodeTiles::pack_x() {
  for (const std::int64_t tile : {std::int64_t{0}, row_tiles_ - 1})
    packed_bytes_ = std::max(packed_bytes_, matmul(kLatents, rows_of(tile))->packed_bytes());
  packed_bytes_ = (packed_bytes_ + 63) / 64 * 64;
  packed_x_ = context_.scratch.take<std::byte>(row_tiles_ * static_cast<std::int64_t>(packed_bytes_));
  Context::parallel(row_tiles_, [&](std::int64_t tile) {
    matmul(kLatents, rows_of(tile))
        ->pack(x_.data + first_row(tile) * x_.ld * element(), RightLayout::kTransposed, x_.ld,
               packed_x_ + static_cast<std::size_t>(tile) * packed_bytes_);
  });
}

// What a tile needs besides the product.
ScanTile EncodeTiles::tables(std::int64_t first, std::int64_t count) const {
  ScanTile tile{};
  tile.latents = count;
  tile.first = static_cast<std::int32_t>(first);
  tile.bias = row_of(in_.b_enc, 0) + first;
  tile.scale = in_.scale ? row_of(in_.scale, 0) + first : nullptr;
  return tile;
}

ScanTile EncodeTiles::product(std::int64_t row_tile, std::int64_t first, std::int64_t count) const {
  const Memory m = memory();
  ScanTile tile = tables(first, count);
  tile.rows = rows_of(row_tile);
  tile.product = m.product;
  if (screened()) tile.bounds = screening_->bounds(first_row(row_tile), first);
  const std::byte* w = w_.data + first * in_.d_in * element();
  if (gathers()) {
    gather(first, count, tile);
    w = m.weights;
  }
  if (in_.d_in == 0) {
    std::fill_n(m.product, tile.rows * count, 0.0f);
  } else {
    (*matmul(count, tile.rows))(w, packed_x_ + static_cast<std::size_t>(row_tile) * packed_bytes_, m.product);
  }
  return tile;
}

ScanTile EncodeTiles::exact_product(std::int64_t row, std::int64_t first, std::int64_t count) const {
  const Memory m = memory();
  ScanTile tile = tables(first, count);
  tile.rows = 1;
  tile.product = m.product;
  std::int32_t ids[kLatents];
  float all[kLatents];
  std::iota(ids, ids + count, static_cast<std::int32_t>(first));
  std::fill_n(all, count, 1.0f);
  kernels().dots(x_row(row), onednn::rows_of(in_.w_enc), all, ids, count, m.product, in_.d_in);
  return tile;
}

// Rows, biases and scales of listed latents side by side.
void EncodeTiles::gather(std::int64_t first, std::int64_t count, ScanTile& tile) const {
  const Memory m = memory();
  const Rows w = onednn::rows_of(in_.w_enc);
  const auto* data = static_cast<const std::byte*>(w.data);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t j = in_.candidates[first + i];
    convert_row(data + j * w.stride * (w.bf16 ? 2 : 4), w.bf16, type_, m.weights + i * in_.d_in * element(),
                in_.d_in);
    m.tables[i] = row_of(in_.b_enc, 0)[j];
    if (in_.scale) m.tables[kLatents + i] = row_of(in_.scale, 0)[j];
  }
  tile.bias = m.tables;
  tile.scale = in_.scale ? m.tables + kLatents : nullptr;
  tile.ids = in_.candidates + first;
}

const float* EncodeTiles::x_row(std::int64_t row) const {
  return RowReader(in_.x).read(row, 0, in_.d_in, memory().line);
}

void EncodeTiles::settle(std::int64_t row, Candidate* found, std::int64_t count) const {
  const float* x = x_row(row);
  const Rows w = onednn::rows_of(in_.w_enc);
  const float *bias = row_of(in_.b_enc, 0), *scale = row_of(in_.scale, 0);
  std::int32_t ids[kMostDots];
  float all[kMostDots], dots[kMostDots];
  std::fill_n(all, std::min(count, kMostDots), 1.0f);
  for (std::int64_t at = 0; at < count; at += kMostDots) {
    const std::int64_t n = std::min(kMostDots, count - at);
    for (std::int64_t i = 0; i < n; ++i) ids[i] = found[at + i].latent();
    kernels().dots(x, w, all, ids, n, dots, in_.d_in);
    for (std::int64_t i = 0; i < n; ++i) {
      const float h = dots[i] + bias[ids[i]];
      const float rank = (scale != nullptr ? h * scale[ids[i]] : h) + 0.0f;
      found[at + i] = {Candidate::key_of(rank, ids[i]), h, rank};
    }
  }
}

}  // namespace polysem::onednn
