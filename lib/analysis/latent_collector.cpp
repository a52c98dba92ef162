#include "polysem/latent_collector.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "polysem/error.hpp"

namespace polysem {
namespace {

/// Heap order of the strongest: the front is the one to drop, the weakest and of equal ones the latest.
bool stronger(const LatentFiring& a, const LatentFiring& b) noexcept {
  const float x = std::abs(a.value), y = std::abs(b.value);
  return x != y ? x > y : a.row < b.row;
}

/// Heap order of the sample: the front has the largest key. The `samples` smallest of independent uniform
/// keys are an even sample, whatever the order of arrival.
bool earlier_key(const LatentFiring& a, const LatentFiring& b) noexcept {
  return a.sample_key != b.sample_key ? a.sample_key < b.sample_key : a.row < b.row;
}

/// Whether a firing with these properties belongs among the best `capacity` of a heap.
template <class Less>
bool wanted(const std::vector<LatentFiring>& heap, std::int64_t capacity, const LatentFiring& candidate,
            Less less) {
  if (static_cast<std::int64_t>(heap.size()) < capacity) return true;
  return capacity > 0 && less(candidate, heap.front());
}

template <class Less>
void keep(std::vector<LatentFiring>& heap, std::int64_t capacity, LatentFiring firing, Less less) {
  if (static_cast<std::int64_t>(heap.size()) == capacity) {
    std::pop_heap(heap.begin(), heap.end(), less);
    heap.back() = std::move(firing);
  } else {
    heap.push_back(std::move(firing));
  }
  std::push_heap(heap.begin(), heap.end(), less);
}

void check(const CollectorOptions& options, std::span<const std::int32_t> document_labels,
           std::int64_t labels) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, "latent collector: " + what);
  };
  if (options.latents < 1) refuse("expected at least one latent, found " + std::to_string(options.latents));
  if (options.top < 0 || options.samples < 0) refuse("the number of contexts is negative");
  if (options.before < 0 || options.after < 0) refuse("the length of a context is negative");
  if (labels < 0) refuse("the number of labels is negative");
  for (const std::int32_t label : document_labels) {
    if (label < -1 || label >= labels) {
      refuse("document label " + std::to_string(label) + " is outside of -1 .. " +
             std::to_string(labels - 1));
    }
  }
}

/// Where row r's entries are, checked against the arrays.
std::pair<std::size_t, std::size_t> entries_of(const CodedRows& rows, std::size_t r) {
  const bool varying = !rows.row_offsets.empty();
  const std::int64_t begin = varying ? rows.row_offsets[r] : static_cast<std::int64_t>(r) * rows.k;
  const std::int64_t end = varying ? rows.row_offsets[r + 1] : begin + rows.k;
  if (begin < 0 || end < begin || end > static_cast<std::int64_t>(rows.values.size())) {
    throw Error(ErrorCode::kInvalidArgument, "latent collector: row " + std::to_string(r) + " has entries " +
                                                 std::to_string(begin) + " .. " + std::to_string(end) +
                                                 " of " + std::to_string(rows.values.size()));
  }
  return {static_cast<std::size_t>(begin), static_cast<std::size_t>(end)};
}

void check_shapes(const CodedRows& rows) {
  const std::size_t n = rows.tokens.size();
  if (rows.positions.size() != n || rows.documents.size() != n ||
      (!rows.row_offsets.empty() && rows.row_offsets.size() != n + 1) ||
      rows.latents.size() != rows.values.size() || rows.k < 0) {
    throw Error(ErrorCode::kInvalidArgument, "latent collector: arrays of different numbers of rows");
  }
}

}  // namespace

LatentCollector::LatentCollector(const CollectorOptions& options,
                                 std::span<const std::int32_t> document_labels, std::int64_t labels)
    : options_(options),
      document_labels_(document_labels.begin(), document_labels.end()),
      random_(options.seed, RandomStream::kSampling) {
  check(options, document_labels, labels);
  records_.resize(static_cast<std::size_t>(options.latents));
  label_rows_.resize(static_cast<std::size_t>(labels));
}

std::int32_t LatentCollector::label_of(std::int32_t document) const noexcept {
  const auto d = static_cast<std::size_t>(document);
  return document >= 0 && d < document_labels_.size() ? document_labels_[d] : -1;
}

bool LatentCollector::starts_sequence(std::int32_t position, std::int32_t document) const noexcept {
  return sequence_.empty() || document != document_ || position <= sequence_.back().position;
}

void LatentCollector::add(const CodedRows& rows) {
  check_shapes(rows);
  for (std::size_t r = 0; r < rows.tokens.size(); ++r) {
    const auto [begin, end] = entries_of(rows, r);
    if (rows.positions[r] < 0) {
      throw Error(ErrorCode::kBadInput, "latent collector: row " + std::to_string(rows_) + " has position " +
                                            std::to_string(rows.positions[r]));
    }
    if (starts_sequence(rows.positions[r], rows.documents[r])) end_sequence();
    document_ = rows.documents[r];
    const auto place = static_cast<std::int32_t>(sequence_.size());
    sequence_.push_back({rows.tokens[r], rows.positions[r]});
    for (std::size_t i = begin; i < end; ++i) {
      const std::int32_t latent = rows.latents[i];
      const float value = rows.values[i];
      if (latent < 0 || latent >= options_.latents || !std::isfinite(value)) {
        throw Error(ErrorCode::kBadInput, "latent collector: row " + std::to_string(rows_) + " has latent " +
                                              std::to_string(latent) + " of " +
                                              std::to_string(options_.latents) + " with activation " +
                                              std::to_string(value));
      }
      if (value != 0.0f) events_.push_back({latent, place, value});
    }
    ++rows_;
    const std::int32_t label = label_of(document_);
    if (label >= 0) ++label_rows_[static_cast<std::size_t>(label)];
  }
}

void LatentCollector::end_sequence() {
  std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
    return a.latent != b.latent ? a.latent < b.latent : a.place < b.place;
  });
  for (std::size_t begin = 0, end = 0; begin < events_.size(); begin = end) {
    while (end < events_.size() && events_[end].latent == events_[begin].latent) ++end;
    take_latent({events_.data() + begin, end - begin});
  }
  events_.clear();
  sequence_.clear();
}

/// Takes all firings of one latent in the sequence that just ended.
void LatentCollector::take_latent(std::span<const Event> events) {
  const std::int32_t latent = events.front().latent;
  LatentRecord& record = records_[static_cast<std::size_t>(latent)];
  record.label_mass.resize(label_rows_.size());
  const std::int64_t first_row = rows_ - static_cast<std::int64_t>(sequence_.size());
  const std::int32_t label = label_of(document_);
  const Event* strongest = &events.front();
  for (const Event& event : events) {
    const float magnitude = std::abs(event.value);
    ++record.firings;
    record.sum += magnitude;
    record.max = std::max(record.max, magnitude);
    record.histogram.add(magnitude);
    if (label >= 0) record.label_mass[static_cast<std::size_t>(label)] += magnitude;
    if (magnitude > std::abs(strongest->value)) strongest = &event;
    LatentFiring candidate;
    candidate.row = first_row + event.place;
    // Rows and latents stay below 2^32 each in any store that fits a disk, so the pair names one number.
    candidate.sample_key = random_.bits64(static_cast<std::uint64_t>(candidate.row) *
                                              static_cast<std::uint64_t>(options_.latents) +
                                          static_cast<std::uint64_t>(latent));
    if (wanted(record.samples, options_.samples, candidate, earlier_key)) {
      LatentFiring firing = make_firing(events, event);
      firing.sample_key = candidate.sample_key;
      keep(record.samples, options_.samples, std::move(firing), earlier_key);
    }
  }
  LatentFiring candidate;
  candidate.row = first_row + strongest->place;
  candidate.value = strongest->value;
  if (wanted(record.top, options_.top, candidate, stronger)) {
    keep(record.top, options_.top, make_firing(events, *strongest), stronger);
  }
}

LatentFiring LatentCollector::make_firing(std::span<const Event> events, const Event& event) const {
  LatentFiring firing;
  firing.value = event.value;
  firing.row = rows_ - static_cast<std::int64_t>(sequence_.size()) + event.place;
  firing.document = document_;
  const std::int64_t center = sequence_[static_cast<std::size_t>(event.place)].position;
  const std::int64_t first = std::max(center - options_.before, std::int64_t{0});
  const std::int64_t last = std::min<std::int64_t>(center + options_.after, sequence_.back().position);
  firing.peak = static_cast<std::uint32_t>(center - first);
  firing.tokens.resize(static_cast<std::size_t>(last - first + 1));
  const auto at = [&](std::int64_t position) -> ContextToken& {
    return firing.tokens[static_cast<std::size_t>(position - first)];
  };
  auto row = std::lower_bound(sequence_.begin(), sequence_.end(), first,
                              [](const Row& r, std::int64_t position) { return r.position < position; });
  for (; row != sequence_.end() && row->position <= last; ++row) at(row->position).token = row->token;
  for (const Event& other : events) {
    const std::int64_t position = sequence_[static_cast<std::size_t>(other.place)].position;
    if (position >= first && position <= last) at(position).activation = other.value;
  }
  return firing;
}

void LatentCollector::finish() {
  end_sequence();
  for (LatentRecord& record : records_) {
    std::sort(record.top.begin(), record.top.end(), stronger);
    std::sort(record.samples.begin(), record.samples.end(), stronger);
  }
}

}  // namespace polysem
