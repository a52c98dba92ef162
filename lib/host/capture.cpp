#include "polysem/capture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "lib/engine/out_of_memory.hpp"
#include "polysem/context_stream.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

/// What happened to the rows of one site.
struct Tally {
  double limit = 0;
  std::int64_t first = 0, massive = 0;
};

/// How far a capture is: what a shard's cursor says.
struct Place {
  std::int64_t contexts = 0, tokens = 0;
  Tally tally;

  std::string text() const {
    char line[160];
    std::snprintf(line, sizeof line, "%lld %lld %lld %lld %.17g", static_cast<long long>(contexts),
                  static_cast<long long>(tokens), static_cast<long long>(tally.first),
                  static_cast<long long>(tally.massive), tally.limit);
    return line;
  }
  static Place parse(const std::string& text) {
    Place place;
    long long contexts = 0, tokens = 0, first = 0, massive = 0;
    if (text.empty()) return place;
    if (std::sscanf(text.c_str(), "%lld %lld %lld %lld %lg", &contexts, &tokens, &first, &massive,
                    &place.tally.limit) != 5 ||
        contexts < 0 || tokens < 0 || first < 0 || massive < 0)
      throw Error(ErrorCode::kBadInput, "the unfinished capture's cursor is damaged: '" + text +
                                            "'; remove the folder to start again");
    place.contexts = contexts, place.tokens = tokens, place.tally.first = first,
    place.tally.massive = massive;
    return place;
  }
};

struct Batch {
  TokenBatch tokens;
  std::vector<RowLabel> labels;
};

void check(const CaptureOptions& options, const LanguageModel& model, std::size_t writers,
           std::size_t infos) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw Error(ErrorCode::kInvalidArgument, what);
  };
  require(!options.sites.empty(), "capture: there must be a site");
  require(writers == options.sites.size() && infos == writers, "capture: every site needs a writer");
  require(options.tokens > 0, "tokens must be at least 1");
  require(options.context > 1 && options.context <= model.shape().context,
          "context must lie between 2 and the model's " + std::to_string(model.shape().context));
  require(options.batch > 0, "batch must be at least 1");
  require(options.shard_rows > 0, "shard_rows must be at least 1");
}

/// Where all writers can go on from: the fewest whole shards that any of them has.
std::vector<Place> common_places(std::span<StoreWriter* const> writers) {
  std::size_t shards = writers[0]->shards();
  for (const StoreWriter* writer : writers) shards = std::min(shards, writer->shards());
  std::vector<Place> places;
  for (StoreWriter* writer : writers) {
    writer->keep_shards(shards);
    places.push_back(Place::parse(writer->cursor()));
    if (places.back().contexts != places.front().contexts)
      throw Error(ErrorCode::kBadInput,
                  "the sites of the unfinished capture stopped at different places; remove the "
                  "folder to start again");
  }
  return places;
}

void append_rows(StoreWriter& writer, std::span<const float> rows, std::int64_t dim,
                 const std::vector<RowLabel>& labels, const CaptureOptions& options, Tally& tally) {
  if (!options.keep_massive && tally.limit == 0) tally.limit = massive_limit(rows, dim);
  const auto lengths = row_lengths(rows, dim);
  std::vector<float> kept;
  std::vector<RowLabel> kept_labels;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    if (!options.keep_first && labels[r].position == 0) {
      ++tally.first;
    } else if (!options.keep_massive && lengths[r] > tally.limit) {
      ++tally.massive;
    } else {
      const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(r) * dim;
      kept.insert(kept.end(), begin, begin + dim);
      kept_labels.push_back(labels[r]);
    }
  }
  writer.append(kept, kept_labels);
}

}  // namespace

std::vector<double> row_lengths(std::span<const float> rows, std::int64_t dim) {
  std::vector<double> lengths;
  for (std::size_t start = 0; start < rows.size(); start += static_cast<std::size_t>(dim)) {
    double squares = 0;
    for (const float v : rows.subspan(start, static_cast<std::size_t>(dim))) squares += double{v} * v;
    lengths.push_back(std::sqrt(squares));
  }
  return lengths;
}

double massive_limit(std::span<const float> rows, std::int64_t dim) {
  auto lengths = row_lengths(rows, dim);
  std::erase_if(lengths, [](double length) { return !std::isfinite(length); });
  if (lengths.empty()) return 0;
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  return 3.0 * *middle;
}

CaptureResult capture(LanguageModel& model, const Tokenizer& tokenizer, const NextDocument& next_document,
                      const CaptureOptions& options, std::span<StoreWriter* const> writers,
                      std::span<const StoreInfo> info,
                      const std::function<bool(std::int64_t)>& on_progress) try {
  check(options, model, writers.size(), info.size());
  std::vector<Place> places = common_places(writers);
  Place at = places.front();
  ContextStream stream(next_document, tokenizer, options.context, options.seed);
  for (std::int64_t i = 0; i < at.contexts; ++i) {
    if (!stream.next())
      throw Error(ErrorCode::kBadInput, "the text is shorter than when the capture was cut off");
  }

  Batch batch;
  std::vector<Hook> hooks;
  for (std::size_t s = 0; s < writers.size(); ++s) {
    hooks.push_back({options.sites[s], [&, s](Executor& executor, const Tensor& activations) {
                       const auto rows = executor.download_f32(activations);
                       append_rows(*writers[s], rows, activations.cols, batch.labels, options,
                                   places[s].tally);
                     }});
  }
  const auto end_shards = [&] {
    for (std::size_t s = 0; s < writers.size(); ++s) {
      at.tally = places[s].tally;
      writers[s]->end_shard(at.text());
    }
  };

  bool more = true;
  while (more && at.tokens < options.tokens) {
    batch = {};
    while (batch.tokens.sequences() < options.batch && at.tokens < options.tokens) {
      auto context = stream.next();
      if (!context) {
        more = false;
        break;
      }
      const auto left = static_cast<std::size_t>(options.tokens - at.tokens);
      if (context->ids.size() > left) context->ids.resize(left);
      for (std::size_t i = 0; i < context->ids.size(); ++i)
        batch.labels.push_back({context->ids[i], static_cast<std::int32_t>(i), context->document});
      batch.tokens.add(context->ids);
      ++at.contexts;
      at.tokens += static_cast<std::int64_t>(context->ids.size());
    }
    if (batch.tokens.rows() == 0) break;
    model.run(batch.tokens, hooks);
    if (writers[0]->pending_rows() >= options.shard_rows) end_shards();
    if (on_progress && !on_progress(at.tokens)) {
      end_shards();
      throw Error(ErrorCode::kInterrupted, "stopped after " + std::to_string(at.tokens) +
                                               " tokens; the same command goes on from there");
    }
  }
  end_shards();

  CaptureResult result{
      .tokens = at.tokens, .info = {info.begin(), info.end()}, .documents = stream.documents()};
  for (std::size_t s = 0; s < writers.size(); ++s) {
    result.info[s].dropped_first = places[s].tally.first;
    result.info[s].dropped_massive = places[s].tally.massive;
    result.info[s].massive_limit = places[s].tally.limit;
  }
  return result;
} catch (const std::bad_alloc&) {
  throw_out_of_memory("capturing");
}

}  // namespace polysem
