#include <cmath>
#include <numeric>
#include <vector>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/row_finds.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

// Rows that the first guess of the threshold comes from, and how many times the entries that are wanted it
// should let through.
constexpr std::int64_t kSampleRows = 32;
constexpr double kSurplus = 1.3;

struct Entry {
  Candidate candidate;
  std::int32_t row;

  float rank() const { return candidate.rank(); }
};

// A total order: rank, then the lowest row, then the lowest latent.
bool better(const Entry& a, const Entry& b) {
  if (a.candidate.key >> 32 != b.candidate.key >> 32) return a.candidate.key > b.candidate.key;
  return a.row != b.row ? a.row < b.row : a.candidate.key > b.candidate.key;
}
bool before(const Entry& a, const Entry& b) {
  return a.row != b.row ? a.row < b.row : a.candidate.latent() < b.candidate.latent();
}
bool larger(const Entry& a, const Entry& b) { return a.candidate.lower > b.candidate.lower; }

EncodeInput input_of(const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t) {
  return {.rows = op.rows,
          .d_in = op.d_in,
          .latents = op.latents,
          .precision = op.precision,
          .x = t.x,
          .w_enc = t.w_enc,
          .b_enc = t.b_enc,
          .scale = t.scale};
}

// Rows at even distances.
EncodeInput sample_of(EncodeInput input) {
  const std::int64_t step = std::max<std::int64_t>(input.rows / kSampleRows, 1);
  input.rows = std::min(input.rows, kSampleRows);
  input.x.rows = input.rows;
  input.x.stride *= step;
  return input;
}

// Everything that may be above a guess of the threshold is collected; where enough of it certainly is, the
// best of it are the best of all. Where not, the guess is lowered. So the result does not depend on the
// guess. Screened entries are computed exactly when it is known which of the whole batch may be chosen.
class Encoder {
 public:
  Encoder(Context& context, const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t)
      : context_(context),
        op_(op),
        t_(t),
        tiles_(context, input_of(op, t)),
        memory_(context.per_thread<std::byte>(RowFinds::bytes(tiles_.rows_of(0)))),
        exact_memory_(context.per_thread<std::byte>(RowFinds::bytes(1))),
        thresholds_(context.per_thread<float>(tiles_.rows_of(0))),
        nonfinite_(context.scratch.take<std::uint8_t>(op.rows * tiles_.parts())) {}

  void run() {
    if (op_.total > 0) sample();
    double surplus = kSurplus;
    do {
      guess_ = op_.total > 0 ? guess(surplus) : std::numeric_limits<float>::max();
      found_.assign(static_cast<std::size_t>(tiles_.tasks()), {});
      Context::parallel(tiles_.tasks(), [&](std::int64_t task) { collect(task); });
      drop_unfit_rows();
      surplus *= 4;
    } while (certain() < op_.total && guess_ > 0);
    if (tiles_.screened()) settle();
    write();
    if (!t_.nonfinite) return;
    for (std::int64_t r = 0; r < op_.rows; ++r) *data_of<std::uint32_t>(t_.nonfinite) += finite(r) ? 0u : 1u;
  }

 private:
  // Lower bounds of the positive ranks of some rows.
  void sample() {
    const EncodeTiles tiles(context_, sample_of(input_of(op_, t_)), &tiles_);
    std::vector<std::vector<float>> parts(static_cast<std::size_t>(tiles.tasks()));
    const auto memory = context_.per_thread<std::byte>(RowFinds::bytes(tiles.rows_of(0)));
    Context::parallel(tiles.tasks(), [&](std::int64_t task) {
      RowFinds finds(memory.of(Context::thread()), tiles.rows_of(0), tiles, 0, false);
      tiles.walk(task, [&](ScanTile piece) {
        look_through(finds, piece, 0.0f, [&](std::int64_t, const Candidate* found, std::int64_t number) {
          for (std::int64_t i = 0; i < number; ++i)
            if (found[i].lower > 0) parts[static_cast<std::size_t>(task)].push_back(found[i].lower);
        });
      });
    });
    for (const auto& part : parts) sample_.insert(sample_.end(), part.begin(), part.end());
    sample_rows_ = tiles.rows_of(0);
  }

  // The threshold that `surplus` times as many entries as are wanted would pass, going by the sample; a rank
  // of 0 lets all pass.
  float guess(double surplus) {
    const double wanted = surplus * static_cast<double>(op_.total) * static_cast<double>(sample_rows_) /
                              static_cast<double>(op_.rows) +
                          static_cast<double>(kSampleRows);
    if (wanted >= static_cast<double>(sample_.size())) return 0.0f;
    const auto place = sample_.begin() + static_cast<std::ptrdiff_t>(wanted);
    std::nth_element(sample_.begin(), place, sample_.end(), std::greater<>());
    return std::isfinite(*place) ? *place : 0.0f;
  }

  template <class Take>
  void look_through(RowFinds& finds, ScanTile piece, float threshold, Take&& take) const {
    float* thresholds = thresholds_.of(Context::thread());
    std::fill_n(thresholds, piece.rows, threshold);
    piece.threshold = thresholds;
    finds.look_through(piece, take);
  }

  // A threshold that rose by entries of a row which turned out not to be finite would have kept others out.
  void collect(std::int64_t task) {
    if (!collect(task, true)) collect(task, false);
  }

  // Whether the list can be trusted.
  bool collect(std::int64_t task, bool may_thin) {
    std::vector<Entry>& list = found_[static_cast<std::size_t>(task)];
    const std::int64_t tile = task / tiles_.parts(), part = task % tiles_.parts();
    const std::int64_t first = tiles_.first_row(tile), rows = tiles_.rows_of(tile);
    float threshold = guess_;
    bool trusted = true;
    list.clear();
    RowFinds finds(memory_.of(Context::thread()), rows, tiles_, first, false);
    tiles_.walk(task, [&](const ScanTile& piece) {
      look_through(finds, piece, threshold, [&](std::int64_t r, const Candidate* found, std::int64_t number) {
        take(first + r, found, number, threshold, list);
      });
      if (may_thin) thin(list, threshold);
    });
    for (std::int64_t r = 0; r < rows; ++r) {
      bool unfit = finds.unfit(r);
      if (unfit && tiles_.screened()) unfit = !collect_exactly(first + r, part, threshold, list);
      nonfinite_[(first + r) * tiles_.parts() + part] = unfit ? 1 : 0;
      trusted = trusted && (!finds.unfit(r) || threshold == guess_);
    }
    return trusted;
  }

  // Whether the row is finite.
  bool collect_exactly(std::int64_t row, std::int64_t part, float threshold, std::vector<Entry>& list) {
    std::erase_if(list, [&](const Entry& e) { return e.row == row; });
    RowFinds finds(exact_memory_.of(Context::thread()), 1, tiles_, row, true);
    tiles_.walk_exact(row, part, [&](const ScanTile& piece) {
      look_through(finds, piece, threshold, [&](std::int64_t, const Candidate* found, std::int64_t number) {
        take(row, found, number, threshold, list);
      });
    });
    return !finds.unfit(0);
  }

  void take(std::int64_t row, const Candidate* found, std::int64_t number, float threshold,
            std::vector<Entry>& list) const {
    for (std::int64_t i = 0; i < number; ++i) {
      const Candidate& c = found[i];
      const bool fits = tiles_.screened() ? !std::isnan(c.lower) : c.value > 0;
      if (fits && c.rank() > threshold) list.push_back({c, static_cast<std::int32_t>(row)});
    }
  }

  // No task needs more than the best `total` of all.
  void thin(std::vector<Entry>& list, float& threshold) const {
    const auto total = static_cast<std::size_t>(op_.total), most = 2 * total + 4096;
    if (list.size() <= most) return;
    if (tiles_.screened()) {
      threshold = std::max(threshold, std::nextafter(drop_beaten(list), 0.0f));
      if (list.size() <= most) return;
      settle(list);  // too many might be chosen to wait
      if (list.size() <= total) return;
    }
    const auto last = list.begin() + static_cast<std::ptrdiff_t>(total - 1);
    std::nth_element(list.begin(), last, list.end(), better);
    // What ties with the last of them may still win by its row.
    threshold = std::max(threshold, std::nextafter(last->rank(), 0.0f));
    list.resize(total);
  }

  // Drops the entries that `total` others (of which there are more) are certainly above of; returns what
  // those reach.
  float drop_beaten(std::vector<Entry>& list) const {
    const auto last = list.begin() + static_cast<std::ptrdiff_t>(op_.total - 1);
    std::nth_element(list.begin(), last, list.end(), larger);
    const float bound = last->candidate.lower;
    std::erase_if(list, [&](const Entry& e) { return e.rank() < bound; });
    return bound;
  }

  // Exact ranks; what turns out not to be positive is dropped.
  void settle(std::vector<Entry>& list) const {
    std::sort(list.begin(), list.end(), before);
    std::vector<Candidate> row;
    for (auto at = list.begin(); at != list.end();) {
      row.clear();
      const std::int32_t number = at->row;
      for (auto it = at; it != list.end() && it->row == number; ++it) row.push_back(it->candidate);
      tiles_.settle(number, row.data(), static_cast<std::int64_t>(row.size()));
      for (const Candidate& c : row) (at++)->candidate = c;
    }
    std::erase_if(list, [](const Entry& e) { return !(e.candidate.value > 0 && e.rank() > 0); });
  }

  void settle() {
    if (op_.total > 0 && count() > op_.total) {
      std::vector<Entry> all = everything();
      const float bound = drop_beaten(all);
      for (auto& list : found_) std::erase_if(list, [&](const Entry& e) { return e.rank() < bound; });
    }
    Context::parallel(tiles_.tasks(),
                      [&](std::int64_t task) { settle(found_[static_cast<std::size_t>(task)]); });
  }

  bool finite(std::int64_t row) const {
    const auto* flags = nonfinite_ + row * tiles_.parts();
    return std::all_of(flags, flags + tiles_.parts(), [](std::uint8_t flag) { return flag == 0; });
  }
  void drop_unfit_rows() {
    if (std::none_of(nonfinite_, nonfinite_ + op_.rows * tiles_.parts(), [](auto flag) { return flag != 0; }))
      return;
    for (auto& list : found_) std::erase_if(list, [&](const Entry& e) { return !finite(e.row); });
  }
  std::int64_t count() const {
    std::int64_t sum = 0;
    for (const auto& list : found_) sum += static_cast<std::int64_t>(list.size());
    return sum;
  }

  // Entries that are above the guess for certain.
  std::int64_t certain() const {
    std::int64_t sum = 0;
    for (const auto& list : found_)
      sum +=
          std::count_if(list.begin(), list.end(), [&](const Entry& e) { return e.candidate.lower > guess_; });
    return sum;
  }
  std::vector<Entry> everything() const {
    std::vector<Entry> all;
    all.reserve(static_cast<std::size_t>(count()));
    for (const auto& list : found_) all.insert(all.end(), list.begin(), list.end());
    return all;
  }

  // The entries that are kept, at most `total`.
  void keep_best() {
    if (count() <= op_.total) return;
    std::vector<Entry> all = everything();
    const auto place = all.begin() + op_.total;
    std::nth_element(all.begin(), place, all.end(), better);
    const Entry first_beaten = *place;
    Context::parallel(tiles_.tasks(), [&](std::int64_t task) {
      std::erase_if(found_[static_cast<std::size_t>(task)],
                    [&](const Entry& e) { return !better(e, first_beaten); });
    });
  }

  void write() {
    keep_best();
    auto* offsets = data_of<std::int32_t>(t_.row_offsets);
    std::fill_n(offsets, op_.rows + 1, 0);
    float lowest = std::numeric_limits<float>::infinity();
    const bool any = count() > 0;
    for (const auto& list : found_) {
      for (const Entry& e : list) {
        ++offsets[e.row + 1];
        lowest = std::min(lowest, e.rank());
      }
    }
    std::partial_sum(offsets, offsets + op_.rows + 1, offsets);
    *data_of<float>(t_.threshold) = any ? lowest : 0.0f;
    Context::parallel(tiles_.row_tiles(), [&](std::int64_t tile) { write_tile(tile, offsets); });
  }

  void write_tile(std::int64_t tile, const std::int32_t* offsets) {
    const auto begin = found_.begin() + static_cast<std::ptrdiff_t>(tile * tiles_.parts());
    std::vector<Entry> list = std::move(*begin);
    for (std::int64_t p = 1; p < tiles_.parts(); ++p)
      list.insert(list.end(), begin[p].begin(), begin[p].end());
    std::sort(list.begin(), list.end(), before);
    std::int64_t at = offsets[tiles_.first_row(tile)];
    for (const Entry& e : list) {
      data_of<float>(t_.values)[at] = e.candidate.value;
      data_of<std::int32_t>(t_.ids)[at++] = e.candidate.latent();
    }
  }

  Context& context_;
  const EncodeBatchTopK& op_;
  const EncodeBatchTopK::Operands& t_;
  EncodeTiles tiles_;
  PerThread<std::byte> memory_, exact_memory_;
  PerThread<float> thresholds_;
  std::uint8_t* nonfinite_;
  std::vector<float> sample_;
  std::int64_t sample_rows_ = 0;
  float guess_ = 0;
  std::vector<std::vector<Entry>> found_;  // a task each
};

}  // namespace

void run(Context& context, const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t) {
  if (op.rows == 0) {
    *data_of<std::int32_t>(t.row_offsets) = 0;
    *data_of<float>(t.threshold) = 0.0f;
    return;
  }
  Encoder(context, op, t).run();
}

}  // namespace polysem::onednn
