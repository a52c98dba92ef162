// Text readers: lines of JSON, and plain text in UTF-8 or UTF-16. The first byte chooses.
#include <sstream>

#include "datasets/text/json_lines.hpp"
#include "datasets/text/plain_text.hpp"
#include "polysem/text.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

namespace {

void read_all(DocumentSource& source) {
  while (const auto document = source.next()) is_held_out(document->name);
}

}  // namespace

void read_input(std::string_view bytes) {
  if (bytes.empty()) return;
  std::istringstream in{std::string(bytes.substr(1))};
  const TextDocument from{"input", "input", "", ""};
  if (bytes.front() == 'j') {
    JsonLines lines(in, from);
    read_all(lines);
  } else {
    PlainText text(in, from);
    text.is_binary();
    read_all(text);
  }
}

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  return {"j{\"text\": \"one\", \"name\": \"a\", \"label\": 3}\n\n{\"text\": \"t\\u00e9\", \"x\": [{}]}"s,
          "p\xef\xbb\xbfplain text\nin lines"s, "p\xff\xfeh\0i\0\x3d\xd8\0\xde"s, "p\xfe\xff\0h\xd8\x3d"s,
          "j\xff\xfe{\0}\0"s};
}

}  // namespace polysem::fuzz
