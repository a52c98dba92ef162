#include <atomic>
#include <numeric>
#include <vector>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/row_finds.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

struct Entry {
  std::int32_t latent;
  float value;
};

// One list of a task: entries of its rows one after the other, and how many each row has.
struct List {
  std::vector<Entry> entries;
  std::vector<std::int64_t> counts;
};

// What a task has found: candidates row by row, and the counts of what is no longer kept. A thread keeps the
// memory for its next task.
struct Finds {
  std::vector<std::vector<Candidate>> rows;
  std::vector<std::int64_t> active, band;  // counted only

  void start(std::int64_t number) {
    rows.resize(static_cast<std::size_t>(std::max<std::int64_t>(number, EncodeTiles::kRows)));
    active.assign(static_cast<std::size_t>(number), 0);
    band = active;
    for (auto& row : rows) row.clear();
  }
  void clear_row(std::int64_t row) {
    const auto r = static_cast<std::size_t>(row);
    rows[r].clear();
    active[r] = band[r] = 0;
  }
};

class Encoder {
 public:
  Encoder(Context& context, const EncodeThreshold& op, const EncodeThreshold::Operands& t)
      : op_(op),
        t_(t),
        threshold_(row_of(t.threshold, 0)),
        half_(op.band / 2),
        tiles_(context, {.rows = op.rows,
                         .d_in = op.d_in,
                         .latents = op.latents,
                         .precision = op.precision,
                         .x = t.x,
                         .w_enc = t.w_enc,
                         .b_enc = t.b_enc,
                         .scale = {}}),
        memory_(context.per_thread<std::byte>(RowFinds::bytes(tiles_.rows_of(0)))),
        exact_memory_(context.per_thread<std::byte>(RowFinds::bytes(1))),
        lowest_(context.scratch.take<float>(op.latents)),
        nonfinite_(context.scratch.take<std::uint8_t>(op.rows * tiles_.parts())),
        finds_(static_cast<std::size_t>(context.threads)) {
    for (std::int64_t j = 0; j < op.latents; ++j)
      lowest_[j] = std::max(0.0f, op.band > 0 ? theta(j) - half_ : theta(j));
  }

  void run() {
    limit_ = 2 * (op_.capacity + op_.band_capacity);
    collect();
    // Candidates that came to nothing, or rows that are not finite, may have used up the room.
    if (lost_ && (needed(active_) <= op_.capacity || needed(band_) <= op_.band_capacity)) {
      limit_ = std::numeric_limits<std::int64_t>::max();
      collect();
    }
    write(active_, op_.capacity, t_.values, t_.ids, t_.row_offsets);
    if (op_.band > 0) write(band_, op_.band_capacity, t_.band_values, t_.band_ids, t_.band_offsets);
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
    auto* needs = data_of<std::uint32_t>(t_.needed);
    needs[0] = static_cast<std::uint32_t>(std::min(kMost, needed(active_)));
    needs[1] = static_cast<std::uint32_t>(std::min(kMost, needed(band_)));
    if (!t_.nonfinite) return;
    for (std::int64_t r = 0; r < op_.rows; ++r) *data_of<std::uint32_t>(t_.nonfinite) += finite(r) ? 0u : 1u;
  }

 private:
  float theta(std::int64_t j) const { return threshold_ != nullptr ? threshold_[j] : 0.0f; }
  bool active(std::int64_t j, float h) const { return h > 0 && h > theta(j); }
  bool in_band(std::int64_t j, float h) const {
    return op_.band > 0 && h > 0 && h > theta(j) - half_ && h < theta(j) + half_;
  }
  bool finite(std::int64_t row) const {
    const auto* flags = nonfinite_ + row * tiles_.parts();
    return std::all_of(flags, flags + tiles_.parts(), [](std::uint8_t flag) { return flag == 0; });
  }

  using Lists = std::vector<List>;  // a task each

  void collect() {
    active_.assign(static_cast<std::size_t>(tiles_.tasks()), {});
    band_ = active_;
    stored_ = 0;
    lost_ = false;
    Context::parallel(tiles_.tasks(), [&](std::int64_t task) { encode(task); });
  }

  void encode(std::int64_t task) {
    Finds& own = finds_[static_cast<std::size_t>(Context::thread())];
    const std::int64_t tile = task / tiles_.parts(), part = task % tiles_.parts();
    const std::int64_t first = tiles_.first_row(tile), rows = tiles_.rows_of(tile);
    own.start(rows);
    RowFinds finds(memory_.of(Context::thread()), rows, tiles_, first, false);
    tiles_.walk(task, [&](const ScanTile& piece) {
      look_through(finds, piece, [&](std::int64_t r, Candidate* found, std::int64_t count) {
        take(first + r, r, found, count, tiles_.screened(), own);
      });
    });
    for (std::int64_t r = 0; r < rows; ++r) {
      bool unfit = finds.unfit(r);
      if (unfit && tiles_.screened()) {
        unfit = !encode_exactly(first + r, part, r, own);
      } else if (tiles_.screened()) {
        auto& found = own.rows[static_cast<std::size_t>(r)];
        tiles_.settle(first + r, found.data(), static_cast<std::int64_t>(found.size()));
      }
      nonfinite_[(first + r) * tiles_.parts() + part] = unfit ? 1 : 0;
      finish_row(own, static_cast<std::size_t>(r), task);
    }
  }

  // Whether the row is finite.
  bool encode_exactly(std::int64_t row, std::int64_t part, std::int64_t place, Finds& own) {
    own.clear_row(place);
    RowFinds finds(exact_memory_.of(Context::thread()), 1, tiles_, row, true);
    tiles_.walk_exact(row, part, [&](const ScanTile& piece) {
      look_through(finds, piece, [&](std::int64_t, Candidate* found, std::int64_t count) {
        take(row, place, found, count, false, own);
      });
    });
    return !finds.unfit(0);
  }

  template <class Take>
  void look_through(RowFinds& finds, ScanTile piece, Take&& take) const {
    piece.latent_threshold = lowest_ + piece.first;
    finds.look_through(piece, take);
  }

  void take(std::int64_t row, std::int64_t place, Candidate* found, std::int64_t count, bool screened,
            Finds& own) {
    const auto at = static_cast<std::size_t>(place);
    if (stored_.fetch_add(count, std::memory_order_relaxed) <= limit_) {
      own.rows[at].insert(own.rows[at].end(), found, found + count);
      return;
    }
    lost_.store(true, std::memory_order_relaxed);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int32_t j = found[i].latent();
      if (screened && uncertain(j, found[i])) tiles_.settle(row, found + i, 1);
      own.active[at] += active(j, found[i].value) ? 1 : 0;
      own.band[at] += in_band(j, found[i].value) ? 1 : 0;
    }
  }

  void finish_row(const Finds& own, std::size_t row, std::int64_t task) {
    List& active_list = active_[static_cast<std::size_t>(task)];
    List& band_list = band_[static_cast<std::size_t>(task)];
    std::int64_t actives = own.active[row], in_bands = own.band[row];
    for (const Candidate& c : own.rows[row]) {
      const std::int32_t j = c.latent();
      if (active(j, c.value)) active_list.entries.push_back({j, c.value}), ++actives;
      if (in_band(j, c.value)) band_list.entries.push_back({j, 1 / op_.band}), ++in_bands;
    }
    active_list.counts.push_back(actives);
    band_list.counts.push_back(in_bands);
  }

  // Whether a list's choice depends on where between its bounds the pre-activation lies.
  bool uncertain(std::int32_t j, const Candidate& c) const {
    const float lower = c.lower, upper = c.rank();
    if (active(j, lower) != active(j, upper)) return true;
    if (op_.band == 0) return false;
    const float low = std::max(0.0f, theta(j) - half_), high = theta(j) + half_;
    return !(upper <= low || lower >= high || (lower > low && upper < high));
  }

  template <class F>
  void each_row(const List& list, std::int64_t task, F&& f) const {
    std::int64_t at = 0;
    for (std::size_t r = 0; r < list.counts.size(); ++r) {
      f(tiles_.first_row(task / tiles_.parts()) + static_cast<std::int64_t>(r), list.counts[r], at);
      at += list.counts[r];
    }
  }

  std::int64_t needed(const Lists& lists) const {
    std::int64_t sum = 0;
    for (std::size_t task = 0; task < lists.size(); ++task)
      each_row(lists[task], static_cast<std::int64_t>(task),
               [&](std::int64_t row, std::int64_t count, std::int64_t) { sum += finite(row) ? count : 0; });
    return sum;
  }

  void write(const Lists& lists, std::int64_t capacity, const Tensor& values_out, const Tensor& ids_out,
             const Tensor& offsets_out) const {
    auto* offsets = data_of<std::int32_t>(offsets_out);
    std::fill_n(offsets, op_.rows + 1, 0);
    if (needed(lists) > capacity) return;
    for (std::size_t task = 0; task < lists.size(); ++task)
      each_row(lists[task], static_cast<std::int64_t>(task),
               [&](std::int64_t row, std::int64_t count, std::int64_t) {
                 if (finite(row)) offsets[row + 1] += static_cast<std::int32_t>(count);
               });
    std::partial_sum(offsets, offsets + op_.rows + 1, offsets);
    auto* values = data_of<float>(values_out);
    auto* ids = data_of<std::int32_t>(ids_out);
    Context::parallel(tiles_.row_tiles(), [&](std::int64_t tile) {
      std::vector<std::int64_t> next(static_cast<std::size_t>(tiles_.rows_of(tile)));
      for (std::size_t r = 0; r < next.size(); ++r)
        next[r] = offsets[tiles_.first_row(tile) + static_cast<std::int64_t>(r)];
      for (std::int64_t task = tile * tiles_.parts(); task < (tile + 1) * tiles_.parts(); ++task) {
        const List& list = lists[static_cast<std::size_t>(task)];
        each_row(list, task, [&](std::int64_t row, std::int64_t count, std::int64_t at) {
          if (!finite(row)) return;
          std::int64_t& to = next[static_cast<std::size_t>(row - tiles_.first_row(tile))];
          for (std::int64_t i = 0; i < count; ++i, ++to) {
            const Entry& entry = list.entries[static_cast<std::size_t>(at + i)];
            ids[to] = entry.latent;
            values[to] = entry.value;
          }
        });
      }
    });
  }

  const EncodeThreshold& op_;
  const EncodeThreshold::Operands& t_;
  const float* threshold_;
  float half_;
  EncodeTiles tiles_;
  PerThread<std::byte> memory_, exact_memory_;
  float* lowest_;
  std::uint8_t* nonfinite_;
  std::vector<Finds> finds_;  // a thread each
  Lists active_, band_;
  std::int64_t limit_ = 0;  // candidates that are stored; more are counted only
  std::atomic<std::int64_t> stored_ = 0;
  std::atomic<bool> lost_ = false;
};

}  // namespace

void run(Context& context, const EncodeThreshold& op, const EncodeThreshold::Operands& t) {
  if (op.rows == 0) {
    *data_of<std::int32_t>(t.row_offsets) = 0;
    if (op.band > 0) *data_of<std::int32_t>(t.band_offsets) = 0;
    std::fill_n(data_of<std::uint32_t>(t.needed), 2, 0u);
    return;
  }
  Encoder(context, op, t).run();
}

}  // namespace polysem::onednn
