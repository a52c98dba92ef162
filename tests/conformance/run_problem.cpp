#include "tests/conformance/run_problem.hpp"

#include <cmath>
#include <cstring>
#include <memory>

namespace polysem::conformance {

namespace {

constexpr std::size_t kGuard = 128;
constexpr std::byte kPattern{0xCD};

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

void store(std::byte* to, DType type, double value) {
  if (type == DType::kF32) {
    const auto v = static_cast<float>(value);
    std::memcpy(to, &v, 4);
  } else if (type == DType::kBF16) {
    const std::uint16_t v = to_bf16(static_cast<float>(value));
    std::memcpy(to, &v, 2);
  } else if (type == DType::kF16) {
    const std::uint16_t v = to_f16(static_cast<float>(value));
    std::memcpy(to, &v, 2);
  } else {  // i32 and u32 share their low 32 bits
    const auto v = static_cast<std::uint32_t>(static_cast<std::int64_t>(value));
    std::memcpy(to, &v, 4);
  }
}

double load(const std::byte* from, DType type) {
  std::uint32_t word = 0;
  std::memcpy(&word, from, size_of(type));
  if (type == DType::kBF16) return from_bf16(static_cast<std::uint16_t>(word));
  if (type == DType::kF16) return from_f16(static_cast<std::uint16_t>(word));
  if (type == DType::kI32) return static_cast<std::int32_t>(word);
  if (type == DType::kU32) return word;
  float value = 0;
  std::memcpy(&value, from, 4);
  return value;
}

/// An operand's memory: guard, skew, rows with gaps, guard.
struct Memory {
  std::shared_ptr<Buffer> buffer;
  Tensor view;
  std::vector<std::byte> image;  // as uploaded
  std::vector<bool> writable;    // bytes that the op may change

  std::size_t place(std::int64_t row, std::int64_t col) const {
    return view.offset + size(row * view.stride + col) * size_of(view.dtype);
  }
};

Tensor bytes_of(Buffer& buffer) {
  const auto n = static_cast<std::int64_t>(buffer.bytes());
  return {&buffer, 0, 1, n, n, DType::kU8};
}

Memory place(Backend& backend, Queue& queue, const Operand& operand, bool frozen_inputs) {
  Memory m;
  const std::size_t element = size_of(operand.dtype);
  m.view = {nullptr,           kGuard + size(operand.skew) * element,
            operand.spec.rows, operand.spec.cols,
            operand.stride(),  operand.dtype};
  const std::size_t end = m.view.offset + m.view.span_bytes() + kGuard;
  m.image.assign((end + 3) / 4 * 4, kPattern);
  m.writable.assign(m.image.size(), false);
  for (std::int64_t r = 0; r < operand.spec.rows; ++r) {
    for (std::int64_t c = 0; c < operand.spec.cols; ++c) {
      const std::size_t at = m.place(r, c);
      if (operand.spec.access != Access::kWrite)
        store(m.image.data() + at, operand.dtype, operand.values[size(r * operand.spec.cols + c)]);
      for (std::size_t b = 0; operand.spec.access != Access::kRead && b < element; ++b)
        m.writable[at + b] = true;
    }
  }
  const bool frozen = frozen_inputs && operand.spec.access == Access::kRead;
  m.buffer = backend.allocate(m.image.size(), frozen ? MemoryUse::kRarelyWritten : operand.use);
  m.view.buffer = m.buffer.get();
  queue.upload(bytes_of(*m.buffer), m.image);
  return m;
}

// The output lies upon an input, which the op may now change.
void share(Memory& output, Memory& input) {
  output = input;
  for (std::int64_t r = 0; r < output.view.rows; ++r) {
    for (std::size_t b = 0; b < size(output.view.cols) * size_of(output.view.dtype); ++b)
      output.writable[output.place(r, 0) + b] = true;
  }
  input.writable = output.writable;
}

std::string find_damage(const std::string& label, const Memory& before, const std::vector<std::byte>& after) {
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (!before.writable[i] && after[i] != before.image[i])
      return label + ": byte " +
             std::to_string(static_cast<std::int64_t>(i) - static_cast<std::int64_t>(before.view.offset)) +
             " from its start was written\n";
  }
  return "";
}

}  // namespace

std::vector<DType> types_of(const Problem& problem) {
  std::vector<DType> list;
  for (const Operand& o : problem.operands()) list.push_back(o.present ? o.dtype : DType::kF32);
  return list;
}

bool lacks_precision(const Backend& backend, const Problem& problem) {
  const auto types = types_of(problem);
  return supports_types(problem.op(), types, kPrecisions) &&
         !supports_types(problem.op(), types, backend.info().precisions);
}

std::vector<std::byte> packed(DType type, const Values& values) {
  std::vector<std::byte> bytes(values.size() * size_of(type));
  for (std::size_t i = 0; i < values.size(); ++i) store(bytes.data() + i * size_of(type), type, values[i]);
  return bytes;
}

Outcome run_problem(Backend& backend, const Problem& problem, bool frozen_inputs) {
  const auto queue = backend.make_queue();
  std::vector<Memory> memory(problem.operands().size());
  std::vector<Tensor> views(memory.size());
  for (std::size_t i = 0; i < memory.size(); ++i) {
    const Operand& o = problem.operands()[i];
    if (!o.present) continue;
    if (o.same_memory_as >= 0) {
      share(memory[i], memory[size(o.same_memory_as)]);
    } else {
      memory[i] = place(backend, *queue, o, frozen_inputs);
    }
    views[i] = memory[i].view;
  }

  const std::uint64_t needed = backend.workspace_bytes(problem.op());
  Memory workspace;
  if (needed > 0) {
    const std::size_t total = (kGuard + needed + kGuard + 3) / 4 * 4;
    workspace.image.assign(total, kPattern);
    workspace.writable.assign(total, false);
    for (std::size_t i = kGuard; i < kGuard + needed; ++i) workspace.writable[i] = true;
    workspace.buffer = backend.allocate(total);
    queue->upload(bytes_of(*workspace.buffer), workspace.image);
    const auto n = static_cast<std::int64_t>(needed);
    workspace.view = {workspace.buffer.get(), kGuard, 1, n, n, DType::kU8};
  }
  queue->run(problem.op(), views, workspace.view);
  queue->synchronize();

  Outcome outcome;
  for (std::size_t i = 0; i < memory.size(); ++i) {
    const Operand& o = problem.operands()[i];
    outcome.values.emplace_back();
    outcome.memory.emplace_back();
    if (!o.present) continue;
    std::vector<std::byte>& after = outcome.memory.back();
    after.resize(memory[i].image.size());
    queue->download(bytes_of(*memory[i].buffer), after);
    outcome.damage += find_damage("operand " + std::string(o.spec.name), memory[i], after);
    for (std::int64_t r = 0; r < o.spec.rows; ++r)
      for (std::int64_t c = 0; c < o.spec.cols; ++c)
        outcome.values.back().push_back(load(after.data() + memory[i].place(r, c), o.dtype));
  }
  if (needed > 0) {
    std::vector<std::byte> after(workspace.image.size());
    queue->download(bytes_of(*workspace.buffer), after);
    outcome.damage += find_damage("workspace", workspace, after);
  }
  return outcome;
}

std::vector<Values> reference_values(const Problem& problem, bool exact_types) {
  static const std::unique_ptr<Backend> reference = open_backend("reference");
  Problem copy = problem;
  for (Operand& o : copy.operands()) {
    o.same_memory_as = -1;
    const bool wide = o.spec.types.contains(DType::kF32) && kFloats.contains(o.dtype);
    if (!exact_types && o.spec.access != Access::kRead && wide) o.dtype = DType::kF32;
  }
  return run_problem(*reference, copy).values;
}

std::vector<Values> magnitudes(Problem problem) {
  for (Operand& o : problem.operands()) {
    if (!kFloats.contains(o.dtype)) continue;
    for (double& value : o.values) value = std::abs(value);
  }
  Op op = problem.op();
  if (auto* gemm = std::get_if<Gemm>(&op)) {
    gemm->relu = false;
    gemm->alpha = std::abs(gemm->alpha);
    gemm->beta = std::abs(gemm->beta);
  } else if (auto* elementwise = std::get_if<Elementwise>(&op)) {
    elementwise->alpha = std::abs(elementwise->alpha);
    elementwise->beta = std::abs(elementwise->beta);
  }
  problem.replace_op(op);
  return reference_values(problem);
}

}  // namespace polysem::conformance
