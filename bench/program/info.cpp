// polysem info: what any file or folder that polysem knows is.
#include <fstream>
#include <iostream>

#include "bench/program/command.hpp"
#include "bench/program/matrix_source.hpp"
#include "bench/program/store_summary.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/text_columns.hpp"
#include "polysem/coder_folder.hpp"
#include "polysem/core_file.hpp"
#include "polysem/error.hpp"
#include "polysem/gguf.hpp"
#include "polysem/npy.hpp"
#include "polysem/safetensors.hpp"

namespace polysem::program {

namespace {

using nlohmann::json;
using Path = std::filesystem::path;
using Rows = std::vector<std::vector<std::string>>;

struct Description {
  std::string kind;
  Rows rows;
  json details;
};

std::string shape_text(const auto& shape) {
  std::string text = "[";
  for (const auto extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

Description describe_coder(const Path& path) {
  const LoadedCoder coder = load_coder(path);
  const CoderConfig& c = coder.config;
  Description d{"sparse coder", {{"recipe", c.recipe}}, {}};
  d.rows.push_back({"dimensions", std::to_string(c.d_in) + " -> " + std::to_string(c.d_out)});
  d.rows.push_back({"latents", with_commas(c.latents)});
  if (c.k > 0) d.rows.push_back({"k", std::to_string(c.k)});
  if (!coder.provenance.model_name.empty()) d.rows.push_back({"model", coder.provenance.model_name});
  if (!coder.provenance.hook_name.empty()) d.rows.push_back({"site", coder.provenance.hook_name});
  d.details = {{"recipe", c.recipe},
               {"d_in", c.d_in},
               {"d_out", c.d_out},
               {"latents", c.latents},
               {"k", c.k > 0 ? json(c.k) : json()},
               {"model", coder.provenance.model_name},
               {"site", coder.provenance.hook_name}};
  if (std::ifstream in(path / "polysem.json"); in) {
    const json about = json::parse(in, nullptr, false);
    if (about.is_object()) {
      d.details["polysem"] = about;
      if (about.contains("command") && about["command"].is_string())
        d.rows.push_back({"made by", about["command"]});
    }
  }
  return d;
}

Description describe_core_file(const Path& path) {
  const CoreModel model(path);
  const polysem_model& m = model.get();
  const auto activation = name(static_cast<polysem_activation>(m.activation));
  const auto dtypes = {name(static_cast<polysem_dtype>(m.encoder_dtype)),
                       name(static_cast<polysem_dtype>(m.decoder_dtype))};
  const std::string dtype(m.encoder_dtype == m.decoder_dtype
                              ? *dtypes.begin()
                              : std::string(dtypes.begin()[0]) + " encoder, " +
                                    std::string(dtypes.begin()[1]) + " decoder");
  const polysem_text source = polysem_model_source(&m);
  Description d{"sparse coder for polysem::core",
                {{"activation", std::string(activation)},
                 {"numbers", dtype},
                 {"dimensions", std::to_string(m.d_in) + " -> " + std::to_string(m.d_out)},
                 {"latents", with_commas(m.latents)}},
                {{"activation", activation},
                 {"encoder_dtype", dtypes.begin()[0]},
                 {"decoder_dtype", dtypes.begin()[1]},
                 {"d_in", m.d_in},
                 {"d_out", m.d_out},
                 {"latents", m.latents},
                 {"source_latents", m.source_latents},
                 {"k", m.k > 0 ? json(m.k) : json()},
                 {"bytes", model.bytes()},
                 {"source", std::string(source.data, source.length)}}};
  if (m.k > 0) d.rows.push_back({"k", std::to_string(m.k)});
  if (m.latent_ids != nullptr) {
    d.details["latent_ids"] = std::vector<std::uint32_t>(m.latent_ids, m.latent_ids + m.latents);
    d.rows.push_back({"of a coder with", counted(m.source_latents, "latent")});
  }
  json names = json::object();
  for (std::uint32_t i = 0; i < m.latents; ++i)
    if (std::string text = model.latent_name(i); !text.empty())
      names[std::to_string(model.source_latent(i))] = std::move(text);
  if (!names.empty())
    d.rows.push_back({"named latents", with_commas(static_cast<std::int64_t>(names.size()))});
  d.details["names"] = std::move(names);
  if (source.length > 0) d.rows.push_back({"model and site", one_line({source.data, source.length})});
  d.rows.push_back({"bytes", with_commas(static_cast<std::int64_t>(model.bytes()))});
  return d;
}

Description describe_store(const Path& path) {
  const ActivationStore store(path);
  return {"activation store", {{store_table(store)}}, store_json(path.string(), store)};
}

Description describe_gguf(const Path& path) {
  const GgufFile file = GgufFile::open(path);
  Description d{"language model, GGUF version " + std::to_string(file.version()), {}, json::object()};
  json metadata = json::object();
  for (const auto& [key, value] : file.metadata()) {
    metadata[key] = file.describe(key);
    d.rows.push_back({key, file.describe(key)});
  }
  std::map<std::string, std::int64_t> kinds;
  for (const GgufTensor& tensor : file.tensors()) ++kinds[ggml_type_name(tensor.type)];
  for (const auto& [kind, count] : kinds) d.rows.push_back({"tensors", std::to_string(count) + " " + kind});
  d.details = {{"version", file.version()}, {"metadata", metadata}, {"tensors", kinds}};
  return d;
}

Description describe_safetensors(const Path& path) {
  const Safetensors file(path);
  Description d{"tensors, safetensors", {{"tensor", "type", "shape"}}, {{"tensors", json::object()}}};
  for (const std::string& name : file.names()) {
    const FileTensor tensor = file.tensor(name);
    d.rows.push_back({name, std::string(polysem::name(tensor.dtype)), shape_text(tensor.shape)});
    d.details["tensors"][name] = {{"dtype", polysem::name(tensor.dtype)}, {"shape", tensor.shape}};
  }
  d.details["metadata"] = file.metadata();
  return d;
}

Description describe_array(const NpyArray& array) {
  const std::string type(name(array.dtype()));
  return {"array, npy",
          {{"type", type}, {"shape", shape_text(array.shape())}},
          {{"dtype", type}, {"shape", array.shape()}}};
}

Description describe_npz(const Path& path) {
  const NpzFile file(path);
  Description d{"arrays, npz", {{"array", "type", "shape"}}, {{"arrays", json::object()}}};
  for (const std::string& name : file.names()) {
    const NpyArray array = file.array(name);
    d.rows.push_back({name, std::string(polysem::name(array.dtype())), shape_text(array.shape())});
    d.details["arrays"][name] = {{"dtype", polysem::name(array.dtype())}, {"shape", array.shape()}};
  }
  return d;
}

Description describe_json(const Path& path) {
  std::ifstream in(path);
  const json root = json::parse(in, nullptr, false);
  if (root.is_discarded()) throw Error(ErrorCode::kBadInput, path.string() + ": is not valid JSON");
  const bool named = root.is_object() && root.contains("schema") && root["schema"].is_string();
  const std::string schema = named ? root["schema"].get<std::string>() : "no schema";
  Description d{"JSON, " + schema, {}, {{"schema", schema}}};
  if (root.is_object())
    for (const auto& [key, value] : root.items()) d.rows.push_back({key, std::string(value.type_name())});
  return d;
}

Description describe_folder(const Path& path) {
  if (std::filesystem::exists(path / "cfg.json")) return describe_coder(path);
  if (std::filesystem::exists(path / "store.json") || std::filesystem::exists(path / "progress.json"))
    return describe_store(path);
  Description d{"folder", {}, json::object()};
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const bool known = std::filesystem::exists(entry.path() / "store.json") ||
                       std::filesystem::exists(entry.path() / "cfg.json");
    if (known) d.rows.push_back({entry.path().filename().string(), describe_folder(entry.path()).kind});
  }
  if (d.rows.empty())
    throw Error(ErrorCode::kBadInput,
                path.string() + ": neither a coder (cfg.json) nor a store (store.json), and holds none");
  return d;
}

Description describe(const Path& path) {
  if (!std::filesystem::exists(path)) throw Error(ErrorCode::kBadInput, path.string() + ": does not exist");
  if (std::filesystem::is_directory(path)) return describe_folder(path);
  const std::string extension = path.extension().string();
  if (extension == ".gguf") return describe_gguf(path);
  if (extension == ".safetensors") return describe_safetensors(path);
  if (extension == ".npy") return describe_array(NpyArray::open(path));
  if (extension == ".npz") return describe_npz(path);
  if (extension == ".polysem") return describe_core_file(path);
  if (extension == ".json") return describe_json(path);
  throw Error(ErrorCode::kBadInput,
              path.string() +
                  ": polysem knows coder and store folders, .gguf, .polysem, .safetensors, .npy, .npz and "
                  ".json");
}

int run(const Arguments& arguments) {
  const std::string& path = arguments.only_positional();
  Description d = describe(path);
  std::cout << path << ": " << d.kind << "\n" << table(d.rows);
  d.details["schema"] = "polysem.info/1";
  d.details["path"] = path;
  d.details["kind"] = d.kind;
  write_only_result(arguments, d.details);
  return kDone;
}

}  // namespace

const Command& info_command() {
  static const Command command = {
      .name = "info",
      .summary = "say what a file or folder is, with shapes and provenance",
      .positional = "PATH",
      .details =
          "Knows coders (folders and .polysem files), stores, GGUF models, safetensors, npy, npz and "
          "polysem's JSON results.",
      .example = "polysem info coder",
      .options = {},
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
