// .polysem: what polysem::core opens, and then every function on it. A change of a byte breaks a checksum, so
// that each input is tried as it is and with its checksums made right, as somebody would who means harm.
#include <cstring>
#include <new>

#include "lib/core/model_format.hpp"
#include "polysem/core_file.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

namespace {

/// Aligned memory that ends where it ends.
class Memory {
 public:
  explicit Memory(std::size_t size)
      : data_(::operator new (size, std::align_val_t{POLYSEM_ALIGNMENT})), size_(size) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { ::operator delete (data_, std::align_val_t{POLYSEM_ALIGNMENT}); }
  char* data() const { return static_cast<char*>(data_); }
  std::size_t size() const { return size_; }

 private:
  void* data_;
  std::size_t size_;
};

void make_checksums_right(char* bytes, std::size_t size) {
  core::FileHeader header;
  if (size < sizeof header) return;
  std::memcpy(&header, bytes, sizeof header);
  const std::size_t room = (size - sizeof header) / sizeof(core::Section);
  const std::size_t sections = header.section_count < room ? header.section_count : room;
  for (std::size_t i = 0; i < sections; ++i) {
    core::Section section;
    char* at = bytes + sizeof header + i * sizeof section;
    std::memcpy(&section, at, sizeof section);
    const std::uint64_t length = core::padded(section.bytes);
    if (section.offset > size || length > size - section.offset) continue;
    section.crc = core::crc32(bytes + section.offset, static_cast<std::size_t>(length));
    std::memcpy(at, &section, sizeof section);
  }
  const std::size_t table =
      static_cast<std::size_t>(core::padded(sizeof header + sections * sizeof(core::Section)));
  if (table > size) return;
  header.header_crc = 0;
  std::memcpy(bytes, &header, sizeof header);
  header.header_crc = core::crc32(bytes, table);
  std::memcpy(bytes, &header, sizeof header);
}

void require(polysem_status status, bool may_be_infinite) {
  if (status != POLYSEM_OK && !(may_be_infinite && status == POLYSEM_NON_FINITE))
    broken(polysem_status_text(status));
}

void read_texts(const polysem_model& model) {
  volatile char last = 0;
  for (std::uint32_t i = 0; i < model.latents; ++i)
    for (const auto get : {polysem_latent_name, polysem_latent_note}) {
      polysem_text text;
      require(get(&model, i, &text), false);
      if (text.length > 0) last = text.data[text.length - 1];
    }
  const polysem_text source = polysem_model_source(&model);
  if (source.length > 0) last = source.data[source.length - 1];
  std::uint32_t found = 0, original = 0;
  require(polysem_source_latent(&model, model.latents - 1, &original), false);
  require(polysem_find_latent(&model, original, &found), false);
  if (found != model.latents - 1) broken("the original number of a latent leads back to it");
  static_cast<void>(last);
}

/// Every function, with weights that may be as large as floats are.
void use(const polysem_model& model) {
  read_texts(model);
  const polysem_watch watches[] = {{0, 0.5f, 0.25f, 0.5f}, {model.latents - 1, 0, 0, 1}};
  polysem_config config = {};
  config.batch = 2, config.watches = watches, config.watch_count = 2;
  std::size_t size = 0, hits = 0;
  require(polysem_state_size(&model, &config, &size), false);
  const Memory memory(size);
  polysem_state* state = nullptr;
  require(polysem_state_init(&model, &config, memory.data(), size, &state), false);
  const std::size_t n = model.latents, positions = 3;
  std::vector<float> x(positions * model.d_in), y(positions * model.d_out), f(positions * n);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i * 37 % 19) - 9) / 4;
  std::vector<std::uint32_t> latents(positions * n), counts(positions);
  polysem_codes codes = {latents.data(), f.data(), counts.data(), positions, n};
  const polysem_in in = polysem_many(x.data(), positions, model.d_in);
  const polysem_out out = polysem_many_out(y.data(), positions, model.d_out);
  const polysem_edit edits[] = {{0, POLYSEM_ADD, 1}, {model.latents - 1, POLYSEM_SET, 2}};
  require(polysem_encode(state, in, polysem_many_out(f.data(), positions, n)), true);
  require(polysem_encode_sparse(state, in, &codes), true);
  require(polysem_decode(state, &codes, out), true);
  require(polysem_reconstruct(state, in, out), true);
  require(polysem_apply_edits(state, in, edits, 2, out), true);
  require(polysem_observe(state, in, nullptr, 0, &hits), true);
}

}  // namespace

void read_input(std::string_view bytes) {
  const Memory file(bytes.size());
  std::memcpy(file.data(), bytes.data(), bytes.size());
  polysem_model model;
  for (const bool signed_again : {false, true}) {
    if (signed_again) make_checksums_right(file.data(), file.size());
    if (polysem_open(file.data(), file.size(), &model) == POLYSEM_OK) use(model);
  }
}

std::vector<std::string> seeds() {
  std::vector<std::string> list;
  for (int activation = POLYSEM_RELU; activation <= POLYSEM_GATED; ++activation)
    for (const polysem_dtype dtype : {POLYSEM_F32, POLYSEM_F16, POLYSEM_INT8, POLYSEM_INT4}) {
      CoreCoder coder;
      coder.activation = static_cast<polysem_activation>(activation);
      coder.d_in = coder.d_out = 3, coder.latents = coder.source_latents = 2;
      coder.w_enc = {1, 0, -1, 0.5f, 2, 1}, coder.w_dec = coder.w_enc;
      coder.b_enc = {0.25f, -0.5f}, coder.b_dec = {1, 2, 3};
      coder.k = activation == POLYSEM_TOPK ? 1 : 0;
      coder.subtracts_b_dec = dtype == POLYSEM_INT8;
      if (activation == POLYSEM_JUMPRELU || activation == POLYSEM_BATCH_TOPK) coder.threshold = {0, 0.5f};
      if (activation == POLYSEM_GATED) coder.magnitude_scale = {1, 2}, coder.magnitude_bias = {0, 0.5f};
      if (dtype == POLYSEM_F16)
        coder.names = {"one", "two"}, coder.notes = {"", "a note"}, coder.source = "a model";
      if (dtype == POLYSEM_INT4) coder.skip = std::vector<float>(9, 0.5f);
      if (dtype == POLYSEM_INT8 && activation != POLYSEM_TOPK)
        coder.source_latents = 7, coder.latent_ids = {2, 6};
      const auto bytes = core_file_bytes(coder, dtype);
      list.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  return list;
}

}  // namespace polysem::fuzz
