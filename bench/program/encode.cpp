// polysem encode: sparse codes, dense latents and reconstructions of any vectors.
#include <iostream>
#include <memory>

#include "bench/program/command.hpp"
#include "bench/program/matrix_source.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/coder_folder.hpp"
#include "polysem/error.hpp"
#include "polysem/evaluate_coder.hpp"
#include "polysem/file.hpp"
#include "polysem/npy.hpp"
#include "polysem/safetensors.hpp"

namespace polysem::program {

namespace {

struct Codes {
  std::vector<std::int64_t> row_offsets = {0};
  std::vector<std::int32_t> latents;
  std::vector<float> values;

  void append(const EncodedRows& rows) {
    for (std::size_t r = 0; r + 1 < rows.row_begin.size(); ++r) {
      for (auto i = static_cast<std::size_t>(rows.row_begin[r]);
           i < static_cast<std::size_t>(rows.row_begin[r + 1]); ++i) {
        if (rows.values[i] == 0.0f) continue;
        latents.push_back(rows.ids[i]);
        values.push_back(rows.values[i]);
      }
      row_offsets.push_back(static_cast<std::int64_t>(values.size()));
    }
  }

  void write(const std::filesystem::path& file, std::int64_t latent_count) const {
    const auto count = static_cast<std::int64_t>(values.size());
    SafetensorsWriter writer(file,
                             {{"row_offsets", DType::kI64, {static_cast<std::int64_t>(row_offsets.size())}},
                              {"latents", DType::kI32, {count}},
                              {"values", DType::kF32, {count}}},
                             {{"schema", "polysem.codes/1"}, {"latents", std::to_string(latent_count)}});
    writer.write("row_offsets", std::span<const std::int64_t>(row_offsets));
    writer.write("latents", std::span<const std::int32_t>(latents));
    writer.write("values", std::span<const float>(values));
    writer.commit();
  }
};

void scatter(const EncodedRows& rows, std::int64_t latents, std::vector<float>& dense) {
  const std::size_t count = rows.row_begin.size() - 1;
  const std::size_t start = dense.size();
  dense.resize(start + count * static_cast<std::size_t>(latents), 0.0f);
  for (std::size_t r = 0; r < count; ++r) {
    for (auto i = static_cast<std::size_t>(rows.row_begin[r]);
         i < static_cast<std::size_t>(rows.row_begin[r + 1]); ++i)
      dense[start + r * static_cast<std::size_t>(latents) + static_cast<std::size_t>(rows.ids[i])] =
          rows.values[i];
  }
}

int run(const Arguments& arguments) {
  const LoadedCoder coder = load_coder(arguments.only_positional());
  const auto source = open_rows(arguments.text("data"));
  if (!arguments.given("out") && !arguments.given("dense") && !arguments.given("reconstruction"))
    throw UsageError("nothing to write: give --out F.safetensors, --dense L.npy or --reconstruction R.npy");
  for (const char* option : {"out", "dense", "reconstruction"})
    if (arguments.given(option)) {
      expect_not_input(arguments.text(option), {arguments.only_positional(), arguments.text("data")});
      require_writable(arguments.text(option));
    }
  Session session(arguments);
  const std::int64_t rows = std::min(arguments.integer("rows", 1, std::int64_t{1} << 50), source->rows());

  Codes codes;
  std::vector<float> dense, reconstruction;
  const bool want_dense = arguments.given("dense"), want_reconstruction = arguments.given("reconstruction");
  {
    Progress progress("encoding: row", rows, arguments.flag("quiet"));
    encode_rows(session.executor(), coder.config, coder.weights, *source, rows,
                [&](const EncodedRows& batch) {
                  codes.append(batch);
                  if (want_dense) scatter(batch, coder.config.latents, dense);
                  if (want_reconstruction)
                    reconstruction.insert(reconstruction.end(), batch.reconstruction.begin(),
                                          batch.reconstruction.end());
                  progress.update(batch.first + static_cast<std::int64_t>(batch.row_begin.size()) - 1);
                });
  }
  if (arguments.given("out")) codes.write(arguments.text("out"), coder.config.latents);
  const std::int64_t dense_shape[] = {rows, coder.config.latents}, rows_shape[] = {rows, coder.config.d_out};
  if (want_dense) write_npy(arguments.text("dense"), dense_shape, dense);
  if (want_reconstruction) write_npy(arguments.text("reconstruction"), rows_shape, reconstruction);

  const double l0 = static_cast<double>(codes.values.size()) / static_cast<double>(rows);
  std::cout << "encoded " << counted(rows, "row") << ": "
            << counted(static_cast<std::int64_t>(codes.values.size()), "active latent") << ", "
            << significant(l0) << " a row\n";
  write_json_result(arguments, {{"schema", "polysem.encode/1"},
                                {"rows", rows},
                                {"active", codes.values.size()},
                                {"l0", l0},
                                {"environment", session.environment()}});
  return kDone;
}

}  // namespace

const Command& encode_command() {
  static const Command command = {
      .name = "encode",
      .summary = "sparse codes, dense latents and reconstructions of any vectors",
      .positional = "CODER",
      .details =
          "--out holds row_offsets (i64), latents (i32) and values (f32): row r has the entries from "
          "row_offsets[r]\n"
          "to row_offsets[r + 1].",
      .example = "polysem encode coder --data x.npy --out codes.safetensors --reconstruction y.npy",
      .options =
          {
              {"data", "PATH", "", "a store, or a matrix in .npy, .npz or .safetensors"},
              {"rows", "N", "1e9", "rows to use, from the first on"},
              {"dense", "FILE.npy", "", "also write latents as a dense matrix [rows, latents]"},
              {"reconstruction", "FILE.npy", "", "also write reconstructions [rows, dim]"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
