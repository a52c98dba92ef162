#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace polysem::program {

/// "polysem: MESSAGE" on standard error, and what to do. Allocates nothing: it also says that memory is out.
void print_error(std::string_view message, std::string_view hint = "");

/// Progress on standard error: one line that is rewritten on a terminal, plain lines every few seconds
/// elsewhere. Nothing with `quiet`.
class Progress {
 public:
  Progress(std::string what, std::int64_t total, bool quiet);
  ~Progress();
  /// `done` of the total; `details` follow the rate, for instance "loss 0.21".
  void update(std::int64_t done, const std::string& details = "");
  /// A line of its own that stays.
  void note(const std::string& line);
  double seconds() const;

 private:
  void draw(std::int64_t done, const std::string& details);

  std::string what_;
  std::int64_t total_;
  std::int64_t first_done_ = -1;
  bool quiet_, terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

/// From now on Ctrl-C says so and ends the program with exit code 130.
void end_on_interrupt();
/// From now on Ctrl-C asks for a stop; a second one ends the program at once.
void catch_interrupts();
bool stop_requested() noexcept;

/// Columns padded to one width; the first row is the heading. Columns of nothing but numbers are
/// right-aligned.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// "12,345", "0.1234", "3.1 s", "2 m 05 s".
std::string with_commas(std::int64_t number);
/// "1 row", "2,000 rows".
std::string counted(std::int64_t number, const std::string& noun);
std::string significant(double number, int digits = 4);
std::string duration(double seconds);

}  // namespace polysem::program
