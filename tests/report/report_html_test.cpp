#include "bench/report/report_html.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/report/report_json.hpp"
#include "bench/report/visible_bytes.hpp"
#include "polysem/error.hpp"
#include "tests/report/sample_report.hpp"

namespace polysem {
namespace {

using nlohmann::json;

/// The text of the data element of a page.
std::string data_of(const std::string& page) {
  const std::string begin = R"(id="data">)";
  const std::size_t from = page.find(begin) + begin.size();
  return page.substr(from, page.find("</script>", from) - from);
}

TEST(VisibleBytes, KeepsWellFormedText) {
  for (const std::string text : {"", "river", "caf\xC3\xA9", "\xE2\x86\xB5", "\xF0\x9F\x98\x80", "a\nb\tc"}) {
    EXPECT_EQ(visible_bytes(text), text);
  }
}

TEST(VisibleBytes, NamesEveryOtherByte) {
  EXPECT_EQ(visible_bytes("\xE2\x80"), "<0xE2><0x80>");                      // cut off
  EXPECT_EQ(visible_bytes("a\xFFz"), "a<0xFF>z");                            // never in UTF-8
  EXPECT_EQ(visible_bytes("\x80"), "<0x80>");                                // continuation alone
  EXPECT_EQ(visible_bytes("\xC0\xAF"), "<0xC0><0xAF>");                      // overlong '/'
  EXPECT_EQ(visible_bytes("\xE0\x80\xAF"), "<0xE0><0x80><0xAF>");            // overlong
  EXPECT_EQ(visible_bytes("\xED\xA0\x80"), "<0xED><0xA0><0x80>");            // surrogate
  EXPECT_EQ(visible_bytes("\xF4\x90\x80\x80"), "<0xF4><0x90><0x80><0x80>");  // above U+10FFFF
  EXPECT_EQ(visible_bytes("\xE2\x28\xA1"), "<0xE2>(<0xA1>");
}

TEST(ReportHtml, DataComesBackAsItWentIn) {
  const LatentReport report = sample_report(20, 5);
  const json data = json::parse(data_of(report_html(report)));
  EXPECT_EQ(data["schema"], "polysem.report/1");
  EXPECT_EQ(data["provenance"]["training_rows"], 400000);
  EXPECT_EQ(data["eval"]["metrics"]["latents"]["dead_fraction"], 0.0031);
  ASSERT_EQ(data["latents"].size(), report.latents.size());
  for (std::size_t i = 0; i < report.latents.size(); ++i) {
    const LatentEntry& entry = report.latents[i];
    const json& packed = data["latents"][i];
    EXPECT_EQ(packed["latent"], entry.latent);
    ASSERT_EQ(packed["top"].size(), entry.top.size());
    const ReportContext& context = entry.top.at(0);
    const json& first = packed["top"][0];
    for (std::size_t t = 0; t < context.tokens.size(); ++t) {
      const int id = first["t"][t];
      EXPECT_EQ(id < 0 ? "" : data["tokens"][static_cast<std::size_t>(id)].get<std::string>(),
                context.tokens[t]);
    }
    EXPECT_EQ(first["p"], context.peak);
  }
}

TEST(ReportHtml, OneFileThatAsksForNothing) {
  const std::string page = report_html(sample_report(4, 0));
  EXPECT_EQ(page.rfind("<!doctype html>", 0), 0u);
  EXPECT_EQ(page.find("{{"), std::string::npos);
  for (const char* outside : {"src=\"http", "href=\"http", "src=\"//", "href=\"//", "url(", "fetch("}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
  EXPECT_EQ(page.find("@import"), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(ReportHtml, SameReportSameBytes) {
  EXPECT_EQ(report_html(sample_report(10, 3)), report_html(sample_report(10, 3)));
}

TEST(ReportHtml, HundredsOfLatentsStaySmall) {
  const LatentReport report = sample_report(250, 50);
  EXPECT_GE(report.latents.size(), 250u);
  const std::string page = report_html(report);
  EXPECT_LT(page.size(), 5u << 20);
  std::ofstream(POLYSEM_BINARY_DIR "/sample_report.html", std::ios::binary) << page;  // to look at
}

TEST(ReportHtml, HostileStringsStayData) {
  LatentReport report = sample_report(3, 0);
  const std::string attack =
      "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\"'&{{data}}\xE2\x80";
  report.provenance.model = attack;
  report.rows_text = attack;
  report.labels[0].name = attack;
  report.latents[0].top[0].tokens[0] = attack;
  report.latents[0].top[0].document = attack;
  report.latents[0].promoted[0].token = attack;
  const std::string page = report_html(report);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  const json data = json::parse(data_of(page));
  EXPECT_EQ(data["provenance"]["model"], attack.substr(0, attack.size() - 2) + "<0xE2><0x80>");
}

TEST(ReportHtml, EmptyReport) {
  const json data = json::parse(data_of(report_html(LatentReport{})));
  EXPECT_TRUE(data["eval"].is_null());
  EXPECT_TRUE(data["latents"].empty());
  EXPECT_TRUE(data["provenance"]["active_latents"].is_null());
}

TEST(ReportHtml, LongCurvesAreThinnedAndKeepTheirEnd) {
  LatentReport report;
  for (int i = 0; i < 12345; ++i) report.curve.push_back({.samples = static_cast<double>(i), .loss = 1.0});
  const json data = json::parse(report_json(report));
  EXPECT_LE(data["curve"]["samples"].size(), 501u);
  EXPECT_EQ(data["curve"]["samples"].back(), 12340.0);  // four digits of 12344
  EXPECT_TRUE(data["curve"]["fvu"].back().is_null());
}

TEST(ReportHtml, RefusesWhatDoesNotFit) {
  LatentReport report;
  report.eval_json = "{\"metrics\": ";
  EXPECT_THROW(report_html(report), Error);
  report.eval_json = "[1]";
  EXPECT_THROW(report_html(report), Error);
  report.eval_json.clear();
  report.latents.resize(1);
  report.latents[0].label_shares = {1.0};
  EXPECT_THROW(report_html(report), Error);
  report.latents[0].label_shares.clear();
  report.latents[0].top.resize(1);
  report.latents[0].top[0].tokens = {"a"};
  EXPECT_THROW(report_html(report), Error);
}

}  // namespace
}  // namespace polysem
