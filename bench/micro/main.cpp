#include <benchmark/benchmark.h>

#include <charconv>
#include <cstring>
#include <iostream>
#include <string_view>
#include <vector>

#include "bench/micro/machine.hpp"
#include "bench/micro/settings.hpp"
#include "bench/micro/suites.hpp"
#include "polysem/error.hpp"

namespace polysem::bench {

namespace {

Settings& changeable() {
  static Settings only;
  return only;
}

bool read_number(std::string_view text, std::int64_t& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size() && to >= 0;
}

// Takes "--name=value" or "--name value" of this program out of the arguments; false where one makes no
// sense.
bool take_own_flags(std::vector<char*>& arguments) {
  Settings& s = changeable();
  std::int64_t threads = 0;
  struct Flag {
    std::string_view name;
    std::int64_t* number;
  };
  const Flag flags[] = {
      {"--d", &s.d}, {"--n", &s.n}, {"--batch", &s.batch}, {"--k", &s.k}, {"--threads", &threads}};
  std::vector<char*> rest = {arguments[0]};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::string_view flag = argument.substr(0, argument.find('='));
    const auto value = [&]() -> std::string_view {
      if (flag.size() < argument.size()) return argument.substr(flag.size() + 1);
      return i + 1 < arguments.size() ? std::string_view(arguments[++i]) : std::string_view();
    };
    if (flag == "--backend") {
      s.backend = value();
      continue;
    }
    bool own = false;
    for (const Flag& known : flags) {
      if (flag != known.name) continue;
      own = true;
      if (!read_number(value(), *known.number)) return false;
    }
    if (!own) rest.push_back(arguments[i]);
  }
  s.threads = static_cast<int>(threads);
  arguments = rest;
  return threads <= 4096 && ((s.d > 0) == (s.n > 0)) && ((s.d > 0) == (s.batch > 0)) &&
         ((s.d > 0) == (s.k > 0));
}

int run(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  if (!take_own_flags(arguments)) {
    std::cerr
        << "usage: polysem-microbench [--backend NAME] [--threads COUNT] [--d D --n LATENTS --batch B --k K] "
           "[--benchmark_...]\n";
    return 2;
  }
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  const BackendInfo& info = backend().info();
  benchmark::AddCustomContext("backend", info.name + ", " + info.driver);
  benchmark::AddCustomContext("device", info.device + " (" + info.features + ")");
  benchmark::AddCustomContext("threads", std::to_string(info.threads));
  for (const Precision precision : info.precisions)
    benchmark::AddCustomContext("product_rate_" + std::string(name(precision)),
                                std::to_string(product_rate(precision) * 1e-9) + " GF/s");
  benchmark::AddCustomContext("memory_bandwidth", std::to_string(memory_bandwidth() * 1e-9) + " GB/s");
  add_gemm_benchmarks();
  add_coder_benchmarks();
  add_attention_benchmarks();
  add_row_benchmarks();
  add_train_step_benchmarks();
  add_capture_benchmarks();
  add_core_benchmarks();
  add_toy_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace

const Settings& settings() { return changeable(); }

}  // namespace polysem::bench

int main(int argc, char** argv) {
  try {
    return polysem::bench::run(argc, argv);
  } catch (const polysem::Error& error) {
    std::cerr << "polysem-microbench: " << error.what() << "\n";
    return 1;
  }
}
