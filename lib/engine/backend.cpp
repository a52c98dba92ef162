#include "polysem/backend.hpp"

#include <algorithm>

#include "polysem/error.hpp"

namespace polysem {

namespace {

void check_transfer(const char* what, const Tensor& t, std::size_t bytes) {
  if (!t) throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": the tensor is absent");
  if (t.rows < 0 || t.cols < 0 || (t.rows > 1 && t.stride < t.cols))
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": the tensor's shape makes no sense");
  if (t.offset > t.buffer->bytes() || t.span_bytes() > t.buffer->bytes() - t.offset)
    throw Error(ErrorCode::kInvalidArgument,
                std::string(what) + ": the tensor reaches past the end of its buffer");
  const auto expected = static_cast<std::uint64_t>(t.elements()) * size_of(t.dtype);
  if (bytes != expected)
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": the tensor holds " +
                                                 std::to_string(expected) + " bytes, the host side " +
                                                 std::to_string(bytes));
}

std::string known_names() {
  std::string list;
  for (const BackendEntry* entry : registered_backends()) {
    list += (list.empty() ? "" : ", ") + std::string(entry->name);
  }
  return list;
}

// A device that was named may be one that is never the default: creating it tells whether it can run.
std::unique_ptr<Backend> open_entry(const BackendEntry& entry, const BackendOptions& options) {
  const Support support = options.device.empty() ? entry.probe() : Support::yes();
  if (!support)
    throw Error(ErrorCode::kBackendUnavailable,
                "backend " + std::string(entry.name) + " cannot run here: " + support.reason);
  return entry.create(options);
}

Precision precision_of(const Op& op) {
  return std::visit(
      [](const auto& o) {
        if constexpr (requires { o.precision; }) return o.precision;
        return Precision::kF32;
      },
      op);
}

}  // namespace

// Of optional operands the spec is passed over: the type of an absent one says nothing.
Support supports_types(const Op& op, std::span<const DType> types, std::span<const Precision> precisions) {
  const auto has = [&](Precision p) {
    return std::find(precisions.begin(), precisions.end(), p) != precisions.end();
  };
  if (const Precision wanted = precision_of(op); !has(wanted))
    return Support::no("it has no products in " + std::string(name(wanted)));
  const auto list = specs(op);
  for (std::size_t i = 0; i < list.size() && i < types.size(); ++i) {
    if ((!list[i].optional && !list[i].types.contains(types[i])) ||
        (types[i] == DType::kF16 && !has(Precision::kF16)))
      return Support::no("operand " + std::string(list[i].name) + " may not be " +
                         std::string(name(types[i])));
  }
  return Support::yes();
}

void Queue::run(const Op& op, std::span<const Tensor> operands, Tensor workspace) {
  validate(op, operands);
  do_run(op, operands, workspace);
}

void Queue::upload(Tensor destination, std::span<const std::byte> source) {
  check_transfer("upload", destination, source.size());
  if (!source.empty()) do_upload(destination, source);
}

void Queue::download(Tensor source, std::span<std::byte> destination) {
  check_transfer("download", source, destination.size());
  if (!destination.empty()) do_download(source, destination);
}

std::unique_ptr<Backend> open_backend(std::string_view name, int threads) {
  if (threads < 0) throw Error(ErrorCode::kInvalidArgument, "threads must not be negative");
  const std::size_t colon = name.find(':');
  const std::string_view base = name.substr(0, colon);
  BackendOptions options;
  options.threads = threads;
  if (colon != std::string_view::npos) options.device = std::string(name.substr(colon + 1));

  std::string reasons;
  for (const BackendEntry* entry : registered_backends()) {
    if (base == entry->name) return open_entry(*entry, options);
    if (!base.empty()) continue;
    const Support support = entry->probe();
    if (support) return entry->create(options);
    reasons += "; " + std::string(entry->name) + ": " + support.reason;
  }
  if (base.empty()) throw Error(ErrorCode::kBackendUnavailable, "no backend can run here" + reasons);
  throw Error(ErrorCode::kBackendUnavailable,
              "there is no backend '" + std::string(base) + "' in this build; it has " + known_names());
}

}  // namespace polysem
