#include "bench/program/terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace polysem::program {

namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> stop_flag = false;

void on_interrupt(int) {
  if (stop_flag.exchange(true)) _exit(130);
  constexpr char kMessage[] = "\npolysem: stopping after this step; Ctrl-C again quits at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
}

void on_early_interrupt(int) {
  constexpr char kMessage[] = "\npolysem: interrupted\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  _exit(130);
}

void on_interrupts(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool is_number(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,+-e%") == std::string::npos;
}

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

void print_error(std::string_view message, std::string_view hint) {
  const bool colour = isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  std::fprintf(stderr, "%spolysem:%s %.*s%.*s\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "",
               static_cast<int>(message.size()), message.data(), static_cast<int>(hint.size()), hint.data());
}

Progress::Progress(std::string what, std::int64_t total, bool quiet)
    : what_(std::move(what)),
      total_(total),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_ && terminal_) std::fputc('\n', stderr);
}

double Progress::seconds() const { return since(start_); }

void Progress::update(std::int64_t done, const std::string& details) {
  if (quiet_) return;
  if (first_done_ < 0) first_done_ = done;
  const double interval = terminal_ ? 0.1 : 5.0;
  if (since(last_) < interval && done < total_) return;
  last_ = Clock::now();
  draw(done, details);
}

void Progress::draw(std::int64_t done, const std::string& details) {
  const double elapsed = seconds();
  const double rate = elapsed > 0 ? static_cast<double>(done - first_done_) / elapsed : 0;
  std::ostringstream line;
  line << what_ << ' ' << with_commas(done);
  if (total_ > 0) line << '/' << with_commas(total_);
  if (rate > 0) line << ", " << with_commas(std::llround(rate)) << "/s";
  if (!details.empty()) line << ", " << details;
  if (total_ > done && rate > 0)
    line << ", " << duration(static_cast<double>(total_ - done) / rate) << " left";
  std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", line.str().c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::note(const std::string& line) {
  if (quiet_) return;
  std::fprintf(stderr, terminal_ && drawn_ ? "\r\033[K%s\n" : "%s\n", line.c_str());
  drawn_ = false;
}

void end_on_interrupt() { on_interrupts(on_early_interrupt); }
void catch_interrupts() { on_interrupts(on_interrupt); }

bool stop_requested() noexcept { return stop_flag; }

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> numeric;  // every cell below the heading is a number
  for (std::size_t r = 0; r < rows.size(); ++r) {
    widths.resize(std::max(widths.size(), rows[r].size()), 0);
    numeric.resize(widths.size(), true);
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      widths[c] = std::max(widths[c], rows[r][c].size());
      if (r > 0 && !is_number(rows[r][c])) numeric[c] = false;
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - row[c].size(), ' ');
      line += (c > 0 ? "  " : "") + (numeric[c] && is_number(row[c]) ? padding + row[c] : row[c] + padding);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string counted(std::int64_t number, const std::string& noun) {
  return with_commas(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string significant(double number, int digits) {
  if (std::isnan(number)) return "n/a";
  char text[40];
  std::snprintf(text, sizeof text, "%.*g", digits, number);
  return text;
}

std::string duration(double seconds) {
  char text[40];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%.0f s", seconds);
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof text, "%d m %02d s", static_cast<int>(seconds) / 60,
                  static_cast<int>(seconds) % 60);
  } else {
    std::snprintf(text, sizeof text, "%d h %02d m", static_cast<int>(seconds) / 3600,
                  static_cast<int>(seconds) % 3600 / 60);
  }
  return text;
}

}  // namespace polysem::program
