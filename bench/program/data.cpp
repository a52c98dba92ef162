// polysem data: look into stores, check them, make them from other files or with known ground truth.
#include <functional>
#include <iostream>
#include <map>
#include <numeric>

#include "bench/program/command.hpp"
#include "bench/program/matrix_source.hpp"
#include "bench/program/session.hpp"
#include "bench/program/store_summary.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"
#include "polysem/store.hpp"
#include "polysem/superposed.hpp"

namespace polysem::program {

namespace {

constexpr std::int64_t kBlock = 4096;

const std::string& operand(const Arguments& arguments, std::string_view what) {
  if (arguments.positional().size() != 2)
    throw UsageError("polysem data " + arguments.positional().front() + " takes " + std::string(what));
  return arguments.positional()[1];
}

/// What import and make say of the store that they wrote.
nlohmann::json stored(const char* schema, const Arguments& arguments, std::int64_t rows, std::int64_t dim) {
  return {{"schema", schema}, {"path", arguments.text("out")}, {"rows", rows}, {"dim", dim}};
}

int info(const Arguments& arguments) {
  const std::string& path = operand(arguments, "a store's folder");
  const ActivationStore store(path);
  std::cout << store_table(store);
  write_json_result(arguments, store_json(path, store));
  return kDone;
}

int verify(const Arguments& arguments) {
  const std::string& path = operand(arguments, "a store's folder");
  const ActivationStore store(path);
  const auto changed = store.verify();
  write_json_result(arguments, {{"schema", "polysem.verify/1"}, {"path", path}, {"changed", changed}});
  if (!changed.empty()) {
    std::string list;
    for (const std::string& name : changed) list += (list.empty() ? "" : ", ") + name;
    throw Error(ErrorCode::kBadInput, path + ": these shards are not what was written: " + list +
                                          "; capture or import the data again");
  }
  std::cout << path << ": " << counted(store.rows(), "row") << " in "
            << counted(static_cast<std::int64_t>(store.shards()), "shard") << ", all as they were written\n";
  return kDone;
}

int import(const Arguments& arguments) {
  const std::string& path = operand(arguments, "a .npy, .npz or .safetensors file, or a store");
  const auto source = open_rows(path);
  const std::string dtype = arguments.choice("dtype", {"f32", "f16", "bf16"});
  const StoreInfo about{.dim = source->dim(),
                        .dtype = dtype == "f16"    ? DType::kF16
                                 : dtype == "bf16" ? DType::kBF16
                                                   : DType::kF32,
                        .site = "",
                        .model_name = "",
                        .model_sha256 = "",
                        .text_sources = {},
                        .text_sha256 = "",
                        .recipe = to_text(arguments.effective())};
  StoreWriter writer(arguments.text("out"), about);
  writer.keep_shards(0);
  Progress progress("importing: row", source->rows(), arguments.flag("quiet"));
  for (std::int64_t first = 0; first < source->rows(); first += kBlock) {
    const std::int64_t count = std::min(kBlock, source->rows() - first);
    std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
    std::iota(ids.begin(), ids.end(), first);
    std::vector<float> rows(static_cast<std::size_t>(count * source->dim()));
    source->read(ids, rows);
    writer.append(rows, std::vector<RowLabel>(ids.size()));
    if (writer.pending_rows() >= 16 * kBlock) writer.end_shard(std::to_string(first + count));
    progress.update(first + count);
  }
  writer.finish(about, {});
  write_json_result(arguments, stored("polysem.import/1", arguments, source->rows(), source->dim()));
  std::cout << arguments.text("out") << ": " << counted(source->rows(), "row") << " of "
            << counted(source->dim(), "dimension") << " from " << path << "\n";
  return kDone;
}

int make(const Arguments& arguments) {
  const std::string& name = operand(arguments, "the name of a generator; polysem data list shows them");
  if (name != "superposed") throw UsageError("there is no generator '" + name + "'; there is: superposed");
  SuperposedConfig config;
  config.features = arguments.integer("features", 1, std::int64_t{1} << 24);
  config.dim = arguments.integer("dim", 1, std::int64_t{1} << 20);
  config.active = arguments.number("active", 1e-9, static_cast<double>(config.features));
  config.zipf = arguments.number("zipf", 0, 10);
  config.noise = static_cast<float>(arguments.number("noise", 0, 1e6));
  config.seed = static_cast<std::uint64_t>(arguments.integer("seed", 0, std::int64_t{1} << 53));
  const std::int64_t rows = arguments.integer("rows", 1, std::int64_t{1} << 40);
  write_superposed(config, rows, arguments.text("out"));
  write_json_result(arguments, stored("polysem.make/1", arguments, rows, config.dim));
  std::cout << arguments.text("out") << ": " << counted(rows, "row") << " of "
            << counted(config.dim, "dimension") << ", " << counted(config.features, "feature")
            << ", truth in truth.safetensors\n";
  return kDone;
}

int list(const Arguments& arguments) {
  if (arguments.positional().size() > 1)
    throw UsageError("polysem data list takes options only; found '" + arguments.positional()[1] + "'");
  write_json_result(arguments, {{"schema", "polysem.generators/1"}, {"generators", {"superposed"}}});
  std::cout << "superposed  features in superposition: random directions, each fires on its own (options "
               "--features,\n"
               "            --dim, --active, --zipf, --noise, --rows)\n";
  return kDone;
}

int run(const Arguments& arguments) {
  static const std::map<std::string, std::function<int(const Arguments&)>> kActions = {
      {"info", info}, {"verify", verify}, {"import", import}, {"make", make}, {"list", list}};
  if (arguments.positional().empty())
    throw UsageError("polysem data needs one of info, verify, import, make, list");
  const auto action = kActions.find(arguments.positional()[0]);
  if (action == kActions.end())
    throw UsageError("there is no 'polysem data " + arguments.positional()[0] +
                     "'; there are info, verify, import, make and list");
  return action->second(arguments);
}

}  // namespace

const Command& data_command() {
  static const Command command = {
      .name = "data",
      .summary = "look into stores of activations, check them, make them",
      .positional = "info STORE | verify STORE | import FILE --out STORE | make NAME --out STORE | list",
      .details =
          "info shows what a store holds, verify compares every byte with its checksum, import takes a "
          "matrix from\n"
          "a .npy, .npz or .safetensors file, make generates data whose true features are known.",
      .example = "polysem data make superposed --rows 100000 --out synthetic",
      .options =
          {
              {"dtype", "f32|f16|bf16", "f32", "import: how rows are stored"},
              {"rows", "N", "100000", "make: rows"},
              {"features", "N", "512", "make: true features"},
              {"dim", "N", "64", "make: dimensions"},
              {"active", "L0", "8", "make: features that fire in a row, on average"},
              {"zipf", "S", "0", "make: feature i fires in proportion to (i + 1)^-S"},
              {"noise", "SD", "0", "make: standard deviation of the noise"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
