#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bench/report/report_html.hpp"
#include "tests/report/sample_report.hpp"

// The page as a browser sees it: Chromium without a window, asked for the document after the scripts ran.
namespace polysem {
namespace {

namespace fs = std::filesystem;

std::string find_browser() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    for (const char* browser : {"chromium", "chromium-browser", "google-chrome"}) {
      if (fs::exists(fs::path(folder) / browser)) return fs::path(folder) / browser;
    }
  }
  return "";
}

class PageInBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    browser_ = find_browser();
    if (browser_.empty()) GTEST_SKIP() << "no chromium on PATH: install the Debian package chromium";
    std::string folder = (fs::temp_directory_path() / "polysem-report-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  void write(const std::string& page) const {
    std::ofstream(folder_ / "report.html", std::ios::binary) << page;
  }

  /// The document after its scripts ran at this address, with what they said on the console.
  struct Outcome {
    std::string document, console;
  };
  Outcome open(const std::string& fragment) const {
    const fs::path log = folder_ / "log";
    const std::string command =
        "'" + browser_ +
        "' --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --virtual-time-budget=10000"
        " --enable-logging=stderr --user-data-dir='" +
        (folder_ / "profile").string() + "' --dump-dom 'file://" + (folder_ / "report.html").string() +
        fragment + "' 2>'" + log.string() + "'";
    Outcome outcome;
    FILE* pipe = popen(command.c_str(), "r");
    if (!pipe) return outcome;
    std::array<char, 65536> chunk;
    while (const std::size_t n = fread(chunk.data(), 1, chunk.size(), pipe))
      outcome.document.append(chunk.data(), n);
    EXPECT_EQ(pclose(pipe), 0);
    std::ifstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      if (line.find("CONSOLE") != std::string::npos) outcome.console += line + "\n";
    }
    return outcome;
  }

  std::string browser_;
  fs::path folder_;
};

/// What lies between two strings, the first time they come in this order.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t from = text.find(before);
  if (from == text.npos) return "(no " + before + ")";
  const std::size_t begin = from + before.size();
  return text.substr(begin, text.find(after, begin) - begin);
}

/// Text of the element with this id.
std::string text_of(const std::string& document, const std::string& id) {
  const std::string element = between(document, "id=\"" + id + "\"", "<");
  return element.substr(element.find('>') + 1);
}

std::size_t count_of(const std::string& document, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = document.find(what); at != document.npos; at = document.find(what, at + 1)) ++count;
  return count;
}

TEST_F(PageInBrowser, FillsEverySectionWithoutComplaint) {
  write(report_html(sample_report(30, 6)));
  const Outcome outcome = open("");
  EXPECT_EQ(outcome.console, "");
  EXPECT_EQ(text_of(outcome.document, "title"), "Inside SmolLM2-135M-Instruct");
  EXPECT_EQ(text_of(outcome.document, "count"), "36 latents");
  EXPECT_NE(outcome.document.find("<b>81.2 %</b> of the variance is explained"), std::string::npos);
  EXPECT_NE(outcome.document.find("<b>3.44</b> to <b>3.65</b> nats"), std::string::npos);
  EXPECT_EQ(count_of(outcome.document, "class=\"metric\""), 8u);
  EXPECT_EQ(count_of(outcome.document, "<figure class=\"chart\""), 5u);  // four curves, one histogram
  EXPECT_GE(count_of(outcome.document, "class=\"card\""), 24u);
}

TEST_F(PageInBrowser, SearchInTheAddressFilters) {
  write(report_html(sample_report(60, 0)));
  const Outcome river = open("#q=river");
  EXPECT_EQ(river.console, "");
  const int count = std::stoi(text_of(river.document, "count"));
  EXPECT_GT(count, 0);
  EXPECT_LT(count, 60);
  EXPECT_EQ(text_of(river.document, "count"), std::to_string(count) + " of 60 latents");
  EXPECT_EQ(text_of(open("#q=no-such-word-anywhere").document, "count"), "0 of 60 latents");
}

TEST_F(PageInBrowser, NumberFindsItsLatent) {
  const LatentReport report = sample_report(60, 0);
  write(report_html(report));
  const std::string number = std::to_string(report.latents[41].latent);
  const Outcome outcome = open("#q=%23" + number);
  EXPECT_EQ(text_of(outcome.document, "count"), "1 of 60 latents");
  EXPECT_EQ(count_of(outcome.document, "id=\"latent-" + number + "\""), 1u);
}

TEST_F(PageInBrowser, LinkOpensItsLatent) {
  const LatentReport report = sample_report(60, 0);
  write(report_html(report));
  const std::string number = std::to_string(report.latents.back().latent);  // beyond the first screenful
  const Outcome outcome = open("#latent=" + number);
  EXPECT_EQ(outcome.console, "");
  EXPECT_EQ(count_of(outcome.document, "class=\"card open\""), 1u);
  EXPECT_NE(outcome.document.find("class=\"card open\" id=\"latent-" + number + "\""), std::string::npos);
  EXPECT_EQ(count_of(outcome.document, "class=\"contexts\""), 2u);
  EXPECT_EQ(text_of(open("#latent=99999").document, "count"), "#99999 is not on this page");
}

TEST_F(PageInBrowser, SortOrdersTheCards) {
  LatentReport report = sample_report(12, 0);
  write(report_html(report));
  const Outcome outcome = open("#sort=latent");
  std::vector<int> numbers;
  const std::string mark = "data-latent=\"";
  for (std::size_t at = outcome.document.find(mark); at != std::string::npos;
       at = outcome.document.find(mark, at + 1)) {
    numbers.push_back(std::stoi(outcome.document.substr(at + mark.size())));
  }
  EXPECT_EQ(numbers.size(), 12u);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_F(PageInBrowser, HostileStringsAreShownAsText) {
  LatentReport report = sample_report(2, 0);
  const std::string attack =
      "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";
  report.provenance.model = attack;
  report.provenance.commands = {attack};
  report.labels[0].name = attack;
  for (ReportContext& context : report.latents[0].top) {
    context.tokens[context.peak] = attack;
    context.document = attack;
  }
  report.latents[0].promoted[0].token = attack + "\xE2\x80\n\x01\xE2\x80\xAE";
  write(report_html(report));
  const Outcome outcome = open("#latent=" + std::to_string(report.latents[0].latent));
  EXPECT_EQ(outcome.console, "");
  EXPECT_EQ(outcome.document.find("<title>owned"), std::string::npos);
  EXPECT_EQ(outcome.document.find("<img"), std::string::npos);
  EXPECT_EQ(count_of(outcome.document, "<script"), 2u) << "the data and the page's own";
  EXPECT_NE(outcome.document.find("&lt;img"), std::string::npos) << "it is shown";
  EXPECT_NE(outcome.document.find("&lt;0xE2&gt;&lt;0x80&gt;↵␁‹U+202E›"), std::string::npos);
}

TEST_F(PageInBrowser, EmptyReportIsStillAPage) {
  write(report_html(LatentReport{}));
  const Outcome outcome = open("");
  EXPECT_EQ(outcome.console, "");
  EXPECT_EQ(text_of(outcome.document, "count"), "0 latents");
}

/// A phone is 360 pixels wide. The window of a headless browser may not become that narrow, so the page is
/// measured in a frame that is.
TEST_F(PageInBrowser, FitsAPhone) {
  const LatentReport report = sample_report(30, 6);
  std::string page = report_html(report);
  const std::string measure =
      "<script type=\"module\">const root = document.documentElement;"
      "parent.postMessage(`${innerWidth} wide, ${root.scrollWidth - root.clientWidth} over`, "
      "'*')</script></body>";
  page.replace(page.rfind("</body>"), 7, measure);
  write(page);
  fs::rename(folder_ / "report.html", folder_ / "inner.html");
  write(
      "<body><script>addEventListener('message', (e) => { document.body.dataset.width = e.data; })</script>"
      "<iframe style=\"width:360px;height:700px;border:0\" src=\"inner.html#latent=" +
      std::to_string(report.latents[0].latent) + "\"></iframe></body>");
  const Outcome outcome = open("");
  EXPECT_NE(outcome.document.find("data-width=\"360 wide, 0 over\""), std::string::npos) << outcome.document;
}

}  // namespace
}  // namespace polysem
