// Mode perf of polysem-backend-test: how fast a backend's ops are, beside what its device was seen to do.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/conformance/backends.hpp"
#include "tests/conformance/modes.hpp"
#include "tests/conformance/perf_cases.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A problem on a device, to be run many times.
class Loaded {
 public:
  Loaded(Backend& backend, Queue& queue, const Problem& problem) : queue_(queue), op_(problem.op()) {
    for (const Operand& o : problem.operands()) {
      views_.emplace_back();
      if (!o.present) continue;
      const std::uint64_t bytes = o.values.size() * size_of(o.dtype);
      memory_.push_back(backend.allocate(bytes));
      views_.back() = {memory_.back().get(), 0, o.spec.rows, o.spec.cols, o.spec.cols, o.dtype};
      if (o.spec.access != Access::kWrite) queue.upload(views_.back(), packed(o.dtype, o.values));
    }
    const auto bytes = static_cast<std::int64_t>(backend.workspace_bytes(op_));
    if (bytes == 0) return;
    memory_.push_back(backend.allocate(static_cast<std::uint64_t>(bytes)));
    workspace_ = {memory_.back().get(), 0, 1, bytes, bytes, DType::kU8};
  }

  void run() { queue_.run(op_, views_, workspace_); }

  /// Of one run, the fastest of several; short ones many at a time, so that the wait for the end does not
  /// count.
  double seconds() {
    run(), queue_.synchronize();
    double fastest = 1e30, total = 0;
    int runs = 1;
    for (int tries = 0; tries < 3 || total < 0.2; ++tries) {
      const auto begin = Clock::now();
      for (int i = 0; i < runs; ++i) run();
      queue_.synchronize();
      const double taken = seconds_since(begin);
      total += taken;
      fastest = std::min(fastest, taken / runs);
      if (taken < 0.005 && runs < 1000) runs *= 4, tries = 0;
    }
    return fastest;
  }

 private:
  Queue& queue_;
  Op op_;
  std::vector<std::shared_ptr<Buffer>> memory_;
  std::vector<Tensor> views_;
  Tensor workspace_;
};

double seconds_of(Backend& backend, const Problem& problem) {
  const auto queue = backend.make_queue();
  return Loaded(backend, *queue, problem).seconds();
}

/// The best that the device was seen to do: matrix products, and elementwise sums of large arrays.
struct Roofline {
  std::map<Precision, double> rates;  ///< floating-point operations a second
  double bandwidth = 0;               ///< bytes a second

  double seconds(const PerfCase& test) const {
    const double rate = std::max(rates.at(Precision::kF32), rates.at(test.precision));
    return std::max(test.operations / rate, bytes_moved(test.problem) / bandwidth);
  }
};

Problem product(const CoderSize& s, Precision precision) {
  Problem p(Gemm{.m = s.batch, .n = s.n, .k = s.d, .transpose_b = true, .precision = precision}, 1);
  const DType type = storage_type(precision);
  return p.type("a", type).type("b", type).fill("a", Data::kNormal).fill("b", Data::kNormal);
}

double product_rate(Backend& backend, const CoderSize& s, Precision precision) {
  return 2.0 * static_cast<double>(s.batch * s.n * s.d) / seconds_of(backend, product(s, precision));
}

constexpr CoderSize kTiny{16, 64, 8, 4}, kSmall{64, 1024, 128, 8}, kMiddle{256, 4096, 512, 32},
    kLarge{768, 32768, 8192, 32};

// So that a product takes a fraction of a second.
CoderSize size_for(Backend& backend) {
  const double rate = product_rate(backend, kSmall, Precision::kF32);
  return rate < 2e9 ? kSmall : rate < 1e12 ? kMiddle : kLarge;
}

Roofline roofline_of(Backend& backend, const CoderSize& s) {
  Roofline roof;
  for (const Precision precision : backend.info().precisions)
    roof.rates[precision] = product_rate(backend, s, precision);
  const std::int64_t rows = 4096, cols = s.d < kMiddle.d ? 64 : 4096;
  Problem sum(
      Elementwise{
          .kind = Elementwise::Kind::kAxpby, .rows = rows, .cols = cols, .b_rows = rows, .b_cols = cols},
      1);
  roof.bandwidth = bytes_moved(sum.write("b")) / seconds_of(backend, sum);
  return roof;
}

// Of the host, to record and submit a step of 20 ops; with POLYSEM_VK_EMPTY=1 the device does next to nothing
// meanwhile.
double recording_seconds(Backend& backend) {
  constexpr std::size_t kOps = 20;
  const auto queue = backend.make_queue();
  std::vector<std::unique_ptr<Loaded>> ops;
  for_each_perf_case(kTiny, [&](const PerfCase& test) {
    if (backend.supports(test.problem.op(), types_of(test.problem)) && ops.size() < kOps)
      ops.push_back(std::make_unique<Loaded>(backend, *queue, test.problem));
  });
  std::vector<double> times;
  for (int i = 0; i < 300; ++i) {
    const auto begin = Clock::now();
    for (std::size_t op = 0; op < kOps; ++op) ops[op % ops.size()]->run();
    queue->submit();
    times.push_back(seconds_since(begin));
    queue->synchronize();
  }
  std::nth_element(times.begin(), times.begin() + 150, times.end());
  return times[150];
}

nlohmann::json measure_backend(const std::string& name, const std::string& filter) {
  Backend& backend = opened(name, static_cast<int>(std::thread::hardware_concurrency()));
  const BackendInfo& info = backend.info();
  const CoderSize s = size_for(backend);
  const Roofline roof = roofline_of(backend, s);
  nlohmann::json result = {{"name", name},
                           {"device", info.device},
                           {"driver", info.driver},
                           {"size", {{"d", s.d}, {"n", s.n}, {"batch", s.batch}, {"k", s.k}}},
                           {"bandwidth_gbs", roof.bandwidth * 1e-9},
                           {"ops", nlohmann::json::array()}};
  std::cout << std::fixed << std::setprecision(1) << name << ": " << info.device << ", " << info.driver
            << "\n  d " << s.d << ", latents " << s.n << ", batch " << s.batch << ", k " << s.k << ";";
  for (const auto& [precision, rate] : roof.rates) {
    result["product_gflops_" + std::string(polysem::name(precision))] = rate * 1e-9;
    std::cout << " " << polysem::name(precision) << " products " << rate * 1e-9 << " GFLOP/s,";
  }
  std::cout << " memory " << roof.bandwidth * 1e-9 << " GB/s\n";
  if (info.threads == 0) {  // elsewhere ops run when they are recorded
    const double seconds = recording_seconds(backend);
    result["record_20_ops_microseconds"] = seconds * 1e6;
    std::cout << "  recording and submitting a step of 20 ops: " << seconds * 1e6
              << " microseconds of the host\n";
  }
  std::cout << "  op                         ms    GFLOP/s       GB/s  % of roofline\n";
  for_each_perf_case(s, [&](const PerfCase& test) {
    if (!matches(filter, test.name) || !backend.supports(test.problem.op(), types_of(test.problem))) return;
    const double seconds = seconds_of(backend, test.problem);
    const double gflops = test.operations / seconds * 1e-9, gbs = bytes_moved(test.problem) / seconds * 1e-9;
    const double percent = 100 * roof.seconds(test) / seconds;
    result["ops"].push_back({{"op", test.name},
                             {"seconds", seconds},
                             {"gflops", gflops},
                             {"gbs", gbs},
                             {"roofline_percent", percent}});
    std::cout << "  " << std::left << std::setw(22) << test.name << std::right << std::setprecision(3)
              << std::setw(9) << seconds * 1e3 << std::setprecision(1) << std::setw(11) << gflops
              << std::setw(11) << gbs << std::setw(15) << percent << std::endl;
  });
  std::cout << "\n";
  return result;
}

}  // namespace

int measure(const CommandLine& line) {
  bool fits = false;
  for_each_perf_case(kTiny, [&](const PerfCase& test) { fits = fits || matches(line.filter, test.name); });
  if (!fits) throw std::invalid_argument("no op that is timed fits --filter " + line.filter);
  nlohmann::json result = {{"schema", "polysem.perf/1"}, {"backends", nlohmann::json::array()}};
  for (const std::string& name : backend_names()) {
    if (const Support support = can_run(name); !support) {
      std::cout << name << " cannot run: " << support.reason << "\n\n";
      continue;
    }
    result["backends"].push_back(measure_backend(name, line.filter));
  }
  if (!line.json.empty() && !(std::ofstream(line.json) << result.dump(2) << "\n"))
    throw std::runtime_error("cannot write " + line.json);
  return 0;
}

}  // namespace polysem::conformance
