#include "backends/onednn/cpu.hpp"

#include <unistd.h>

#include <fstream>

#ifdef POLYSEM_ONEDNN_X86
#include <cpuid.h>
#endif

namespace polysem::onednn {

namespace {

std::string model_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

#ifdef POLYSEM_ONEDNN_X86
// AMX-BF16: CPUID leaf 7, EDX bit 22. Whether the system lets a process use it is oneDNN's to find out; its
// results are the same bits of bf16 either way.
bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && ((d >> 22) & 1u) != 0;
}

void find_features(Cpu& cpu) {
  cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool avx512_bf16 = cpu.avx512 && __builtin_cpu_supports("avx512bf16");
  const bool amx = cpu.avx512 && has_amx_bf16();
  cpu.bf16 = avx512_bf16 || amx;
  const auto note = [&](bool have, const char* name) {
    if (have) cpu.features += (cpu.features.empty() ? "" : " ") + std::string(name);
  };
  note(cpu.avx2, "avx2"), note(cpu.avx512, "avx512"), note(avx512_bf16, "avx512_bf16"), note(amx, "amx_bf16");
}
#else
void find_features(Cpu&) {}
#endif

std::uint64_t memory_size() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : 0;
}

}  // namespace

const Cpu& cpu() {
  static const Cpu found = [] {
    Cpu result;
    result.model = model_name();
    result.memory_bytes = memory_size();
    find_features(result);
    return result;
  }();
  return found;
}

}  // namespace polysem::onednn
