// polysem convert: a coder as a file that polysem::core reads in place.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iostream>

#include "bench/program/command.hpp"
#include "bench/program/latent_list.hpp"
#include "bench/program/matrix_source.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "lib/io/json.hpp"
#include "polysem/core_coder.hpp"
#include "polysem/core_conversion.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"
#include "polysem/store.hpp"

namespace polysem::program {

namespace {

using nlohmann::json;

/// Rows to calibrate and measure on, or why there are none.
struct Data {
  std::unique_ptr<RowSource> rows;
  std::string path, missing;
};

/// The data that polysem.json says the coder was trained on, if it is there and still the same.
Data training_data(const std::filesystem::path& coder) {
  std::ifstream in(coder / "polysem.json");
  const json about = json::parse(in, nullptr, false);
  const auto text = [&](const char* key) {
    const auto data = about.is_object() ? about.find("data") : about.end();
    return about.is_object() && data != about.end() && data->is_object() && data->contains(key) &&
                   (*data)[key].is_string()
               ? (*data)[key].get<std::string>()
               : std::string();
  };
  const std::string path = text("path");
  if (path.empty()) return {nullptr, "", coder.string() + " does not say what it was trained on"};
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return {nullptr, "", "the data that it was trained on, " + path + ", is not there"};
  try {
    auto rows = open_rows(path);
    if (rows->identity() == text("identity")) return {std::move(rows), path, ""};
  } catch (const Error&) {
    // Said in the same words below: whatever stands there is not that data.
  }
  return {nullptr, "", path + " is not the data that it was trained on any more"};
}

Data data_of(const Arguments& arguments, const std::filesystem::path& coder) {
  if (!arguments.given("data")) return training_data(coder);
  return {open_rows(arguments.text("data")), arguments.text("data"), ""};
}

void add_names(const Arguments& arguments, CoreCoder& coder) {
  if (!arguments.given("names")) return;
  const std::string path = arguments.text("names");
  const json root = io::read_json(path, {.bytes = std::uint64_t{1} << 30});
  if (!root.is_object())
    throw Error(
        ErrorCode::kBadInput,
        path + ": expected a JSON object of latents, {\"77\": \"months\"}, found " + root.type_name());
  coder.names.assign(coder.latents, "");
  for (const auto& [key, value] : root.items()) {
    if (!value.is_string())
      throw Error(ErrorCode::kBadInput,
                  path + ": " + key + ": expected a string, found " + value.type_name());
    std::uint32_t latent = 0;
    const char* end = key.data() + key.size();
    const auto [stop, error] = std::from_chars(key.data(), end, latent);
    // One way to write a number, so that no latent is named twice.
    if (error != std::errc() || stop != end || std::to_string(latent) != key ||
        latent >= coder.source_latents)
      throw Error(ErrorCode::kBadInput, path + ": " + key + ": expected a latent from 0 to " +
                                            std::to_string(coder.source_latents - 1));
    const auto& ids = coder.latent_ids;
    const auto at = std::lower_bound(ids.begin(), ids.end(), latent);
    if (ids.empty()) coder.names.at(latent) = value.get<std::string>();
    if (at != ids.end() && *at == latent)
      coder.names[static_cast<std::size_t>(at - ids.begin())] = value.get<std::string>();
  }
}

std::string percent(double share) { return significant(100 * share, 4) + "%"; }

std::string quality_table(const CoreQuality& q) {
  return table({{"", "before", "after"},
                {"  FVU", significant(q.fvu_before), significant(q.fvu_after)},
                {"  active latents a row", significant(q.l0_before), significant(q.l0_after)}}) +
         "  active latents agree: " + percent(q.agreement) + " (" + percent(q.missed) + " missed, " +
         percent(q.extra) + " new)\n";
}

json quality_json(const CoreQuality& q, const std::string& path) {
  const auto number = [](double value) { return std::isfinite(value) ? json(value) : json(); };
  return {{"data", path},
          {"rows", q.rows},
          {"fvu_before", number(q.fvu_before)},
          {"fvu_after", number(q.fvu_after)},
          {"l0_before", q.l0_before},
          {"l0_after", q.l0_after},
          {"agreement", q.agreement},
          {"missed", q.missed},
          {"extra", q.extra}};
}

std::string bytes_text(std::size_t bytes) {
  const double kib = static_cast<double>(bytes) / 1024;
  return with_commas(static_cast<std::int64_t>(bytes)) + " bytes" +
         (kib < 1      ? ""
          : kib < 1024 ? " (" + significant(kib, 3) + " KiB)"
                       : " (" + significant(kib / 1024, 3) + " MiB)");
}

/// The latents of --latents; empty for all.
std::vector<std::uint32_t> chosen_latents(const Arguments& arguments, const CoreCoder& coder) {
  if (!arguments.given("latents") || arguments.list("latents") == std::vector<std::string>{"all"}) return {};
  auto latents = parse_latents(arguments.list("latents"), coder.source_latents, "option --latents");
  const auto& ids = coder.latent_ids;
  for (const std::uint32_t latent : latents)
    if (!ids.empty() && !std::binary_search(ids.begin(), ids.end(), latent))
      arguments.refuse("latents",
                       "there is no latent " + std::to_string(latent) + " in " + arguments.positional()[0] +
                           ", which has " + std::to_string(coder.latents) + " of " +
                           std::to_string(coder.source_latents) + "; polysem info --json lists them");
  return latents;
}

int run(const Arguments& arguments) {
  auto paths = arguments.positional();
  if (arguments.given("out")) paths.push_back(arguments.text("out"));  // as other commands have it
  if (paths.size() != 2)
    throw UsageError("polysem convert takes two arguments, CODER and OUT.polysem; found " +
                     std::to_string(paths.size()));
  const std::filesystem::path in = paths[0], out = paths[1];
  arguments.choice("to", {"core"});
  const polysem_dtype dtype =
      core_dtype_named(arguments.choice("dtype", {"f32", "f16", "bf16", "int8", "int4"}));
  const std::int64_t most_rows = arguments.integer("rows", 2, std::int64_t{1} << 40);
  expect_not_input(out, {in});
  require_writable(out);
  CoreCoder coder = load_core_coder(in);
  const auto latents = chosen_latents(arguments, coder);
  const bool to_thresholds = coder.activation == POLYSEM_TOPK && arguments.given("latents");
  const Data data = coder.d_in == coder.d_out
                        ? data_of(arguments, in)
                        : Data{nullptr, "", "the coder is a transcoder, whose output is not in such data"};
  if (to_thresholds && !data.rows)
    throw UsageError(
        "a TopK coder's latents decide about each other; to take some out, thresholds are "
        "calibrated on activations: " +
        data.missing + "; give --data STORE");

  Session session(arguments);
  const LoadedCoder whole = from_core(coder, in.string());  // what quality is measured against
  const auto whole_ids = coder.latent_ids;
  if (to_thresholds) coder.activation = POLYSEM_RELU, coder.k = 0;  // a part of it needs no k
  if (!latents.empty()) coder = subset_of(coder, latents);
  std::int64_t never = 0;
  RowRange measured{data.rows.get(), 0, data.rows ? std::min(most_rows, data.rows->rows()) : 0};
  const bool quiet = arguments.flag("quiet");
  if (to_thresholds) {
    const std::int64_t half = measured.count / 2;
    Progress progress("calibrating thresholds: row", half, quiet);
    never = calibrate_thresholds(session.executor(), whole, coder, dtype, {data.rows.get(), 0, half},
                                 [&](std::int64_t done) { progress.update(done); });
    measured.first = half, measured.count -= half;
  }
  add_names(arguments, coder);
  const auto bytes = core_file_bytes(coder, dtype);
  write_file_atomic(out, bytes);

  std::cout << out.string() << ": " << counted(coder.latents, "latent")
            << (coder.latents < coder.source_latents ? " of " + with_commas(coder.source_latents) : "")
            << ", " << counted(coder.d_in, "dimension") << ", " << name(coder.activation) << ", "
            << name(dtype) << "\n  " << bytes_text(bytes.size()) << "\n";
  json result = {{"schema", "polysem.convert/1"},
                 {"path", out.string()},
                 {"bytes", bytes.size()},
                 {"dtype", name(dtype)},
                 {"activation", name(coder.activation)},
                 {"latents", coder.latents},
                 {"source_latents", coder.source_latents},
                 {"calibration", nullptr},
                 {"quality", nullptr},
                 {"notes", json::array()}};
  if (to_thresholds) {
    std::cout << "thresholds in place of TopK, calibrated on " << counted(measured.first, "row");
    if (never > 0)
      std::cout << "; " << counted(never, "latent") << " never chosen there, set never to fire on them";
    std::cout << "\n";
    result["calibration"] = {{"data", data.path}, {"rows", measured.first}, {"never_chosen", never}};
  }
  if (data.rows) {
    Progress progress("measuring: row", measured.count, quiet);
    const CoreQuality quality =
        measure_core(session.executor(), whole, whole_ids, CoreModel(bytes, out.string()), measured,
                     [&](std::int64_t done) { progress.update(done); });
    std::cout << "on " << counted(quality.rows, "row") << " of " << data.path
              << (latents.empty() ? "" : ", with these latents alone") << ":\n"
              << quality_table(quality);
    result["quality"] = quality_json(quality, data.path);
  } else {
    std::cout << "quality was not measured: " << data.missing << "; --data STORE measures it\n";
    result["notes"].push_back("quality was not measured: " + data.missing);
  }
  result["environment"] = session.environment();
  write_json_result(arguments, result);
  return kDone;
}

}  // namespace

const Command& convert_command() {
  static const Command command = {
      .name = "convert",
      .summary = "write a coder as a file for another program",
      .positional = "CODER OUT",
      .details =
          "--to core: a .polysem file, which polysem::core reads in place, for use inside another program. "
          "The report says how the file compares with the coder on activations: those of --data, else those "
          "that it was trained on. With --latents, a TopK coder gets a threshold a latent, calibrated on the "
          "first half of these rows and measured on the second. CODER may be such a file itself.",
      .example = "polysem convert coder months.polysem --to core --dtype int8 --latents 5,10-20 --data store",
      .options =
          {
              {"to", "core", "core", "format to write"},
              {"dtype", "f32|f16|bf16|int8|int4", "f32",
               "how weights are kept; int8 and int4 with a scale a latent"},
              {"latents", "LIST", "",
               "only these: 1,5,10-20, a file of such lines, or all (which gives TopK thresholds)", true},
              {"names", "FILE.json", "", "names of latents to put into the file: {\"77\": \"months\"}"},
              {"data", "PATH", "", "activations to measure on: a store, or a matrix as polysem encode takes"},
              {"rows", "N", "16384", "rows of it to use, from the first on"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
