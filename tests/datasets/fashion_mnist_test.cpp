#include "polysem/fashion_mnist.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "polysem/error.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

void write_gzip(const std::filesystem::path& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

std::string idx(const std::vector<unsigned>& sizes, const std::string& contents) {
  std::string bytes = {'\0', '\0', '\b', static_cast<char>(sizes.size())};
  for (const unsigned size : sizes)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 255);
  return bytes + contents;
}

class FashionMnistFiles : public testing::Test {
 protected:
  LabelledImages load(const std::string& images, const std::string& labels) const {
    write_gzip(folder_ / "i.gz", images), write_gzip(folder_ / "l.gz", labels);
    return load_idx_images(folder_ / "i.gz", folder_ / "l.gz", 10);
  }
  void expect_refused(const std::string& images, const std::string& labels, const std::string& why) const {
    try {
      load(images, labels);
      FAIL() << "expected: " << why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadInput);
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  }
  test::TemporaryFolder folder_;
  const std::string images_ = idx({2, 1, 3}, "abcdef"), labels_ = idx({2}, {3, 9});
};

TEST_F(FashionMnistFiles, ReadsIdx) {
  const auto data = load(images_, labels_);
  EXPECT_EQ(data.rows, 2);
  EXPECT_EQ(data.height, 1);
  EXPECT_EQ(data.width, 3);
  EXPECT_EQ(data.pixels, (std::vector<std::uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
  EXPECT_EQ(data.labels, (std::vector<std::uint8_t>{3, 9}));
}

TEST_F(FashionMnistFiles, RefusesBadFiles) {
  expect_refused(idx({2, 1, 3}, "abcde"), labels_, "its header says 6");
  expect_refused(idx({3, 1, 2}, "abcdef"), labels_, "2 labels for 3 images");
  expect_refused(idx({2, 3}, "abcdef"), labels_, "not an IDX file");
  expect_refused(idx({0, 1, 3}, ""), labels_, "impossible sizes");
  expect_refused(idx({4000000000u, 4000000000u, 4000000000u}, ""), labels_, "impossible sizes");
  expect_refused(images_, idx({2}, {3, 10}), "a label of 10 or more");
  expect_refused("", labels_, "not an IDX file");
}

TEST_F(FashionMnistFiles, RefusesBadGzip) {
  write_gzip(folder_ / "l.gz", labels_);
  const auto refused = [&](const std::string& bytes, const std::string& why) {
    std::ofstream(folder_ / "i.gz", std::ios::binary) << bytes;
    try {
      load_idx_images(folder_ / "i.gz", folder_ / "l.gz", 10);
      FAIL() << why;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  write_gzip(folder_ / "whole.gz", images_);
  std::ifstream in(folder_ / "whole.gz", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  refused("plain text, no gzip", "not a sound gzip file");
  refused(whole.substr(0, whole.size() - 6), "cut off");
  refused(whole + "x", "goes on after the end");
  std::string changed = whole;
  changed[whole.size() - 6] = static_cast<char>(changed[whole.size() - 6] ^ 1);  // of the checksum
  refused(changed, "not a sound gzip file");
  refused("", "cut off");
}

TEST(FashionMnist, SaysWhatToInstall) {
  try {
    load_fashion_mnist("/nonexistent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("apt-get install dataset-fashion-mnist"), std::string::npos);
  }
}

}  // namespace
}  // namespace polysem
