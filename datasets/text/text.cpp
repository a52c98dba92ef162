#include "polysem/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>
#include <utility>

#include "datasets/text/document_source.hpp"
#include "datasets/text/folder_walk.hpp"
#include "datasets/text/json_lines.hpp"
#include "datasets/text/plain_text.hpp"
#include "polysem/cache.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem {
namespace fs = std::filesystem;
namespace {

std::string folder_name(const fs::path& file) {
  return fs::absolute(file).lexically_normal().parent_path().filename().string();
}

/// Where the name `debian` leads.
fs::path prepared_text() {
  const fs::path path = cache_folder() / "text" / "debian" / "documents.jsonl";
  if (fs::exists(path)) return path;
  throw Error(ErrorCode::kBadInput, "the text `debian` is not prepared: " + path.string() +
                                        " is missing; run ./ci/setup or python3 datasets/text/prepare.py");
}

/// Throws for what can never be read, so that a mistyped last path does not show after hours.
void check_exists(const std::string& path) {
  std::error_code error;
  if (path == "-") return;
  if (path == "debian") {
    prepared_text();
  } else if (!fs::exists(path, error)) {
    throw Error(ErrorCode::kBadInput,
                path + ": no such file or folder" + (error ? " (" + error.message() + ")" : std::string()));
  }
}

}  // namespace

std::string_view name(TextSplit split) noexcept {
  switch (split) {
    case TextSplit::kAll:
      return "all";
    case TextSplit::kTrain:
      return "train";
    case TextSplit::kHeldOut:
      return "heldout";
  }
  return "all";
}

TextSplit text_split(std::string_view text) {
  for (const TextSplit split : {TextSplit::kAll, TextSplit::kTrain, TextSplit::kHeldOut}) {
    if (name(split) == text) return split;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "no text split `" + std::string(text) + "`; expected all, train or heldout");
}

bool is_held_out(std::string_view document_name) {
  const std::string digest = sha256_hex(std::as_bytes(std::span(document_name)));
  std::uint64_t first = 0;
  std::from_chars(digest.data(), digest.data() + 16, first, 16);
  return first % 10 == 0;
}

class TextReader::State {
 public:
  State(std::vector<std::string> paths, TextSplit split) : paths_(std::move(paths)), split_(split) {
    std::for_each(paths_.begin(), paths_.end(), check_exists);
  }

  std::optional<TextDocument> next();
  std::string sha256();
  const TextCounts& counts() const noexcept { return counts_; }

 private:
  bool open_next();
  void open_file(const fs::path& file, std::string document_name, std::string label, bool named_by_user);
  void hash(std::string_view bytes);
  void close();

  std::vector<std::string> paths_;
  TextSplit split_;
  std::size_t next_path_ = 0;
  fs::path folder_;
  std::optional<FolderWalk> walk_;
  std::ifstream file_;
  std::unique_ptr<DocumentSource> source_;  ///< reads file_ or standard input
  TextCounts counts_;
  Sha256 hash_;
  std::string digest_;  ///< set when the reading has ended
};

void TextReader::State::open_file(const fs::path& file, std::string document_name, std::string label,
                                  bool named_by_user) {
  TextDocument from{std::move(document_name), file.string(), std::move(label), {}};
  file_ = std::ifstream(file, std::ios::binary);
  if (!file_) throw Error(ErrorCode::kBadInput, file.string() + ": cannot be opened for reading");
  if (file.extension() == ".jsonl") {
    source_ = std::make_unique<JsonLines>(file_, std::move(from));
    return;
  }
  auto text = std::make_unique<PlainText>(file_, std::move(from));
  if (!text->is_binary()) {
    source_ = std::move(text);
  } else if (named_by_user) {
    throw Error(ErrorCode::kBadInput, file.string() +
                                          ": holds NUL bytes, so it is not text; convert it "
                                          "to UTF-8, or to UTF-16 with a byte-order mark");
  } else {
    ++counts_.skipped_binary;
  }
}

/// Opens the next thing to read; false when there is none. May leave source_ empty (a binary file in a
/// folder).
bool TextReader::State::open_next() {
  source_.reset();
  if (walk_) {
    if (const std::optional<fs::path> file = walk_->next()) {
      open_file(*file, file->lexically_relative(folder_).generic_string(), folder_name(*file), false);
      return true;
    }
    walk_.reset();
  }
  if (next_path_ == paths_.size()) return false;
  const std::string& path = paths_[next_path_++];
  if (path == "-") {
    source_ = std::make_unique<PlainText>(std::cin, TextDocument{"stdin", "standard input", "stdin", {}});
  } else if (path == "debian") {
    open_file(prepared_text(), "debian", "debian", true);
  } else if (fs::is_directory(path)) {
    folder_ = path;
    walk_.emplace(folder_);
  } else {
    open_file(path, fs::path(path).filename().string(), folder_name(path), true);
  }
  return true;
}

std::optional<TextDocument> TextReader::State::next() {
  if (!digest_.empty()) return std::nullopt;
  for (;;) {
    std::optional<TextDocument> document = source_ ? source_->next() : std::nullopt;
    if (!document) {
      if (open_next()) continue;
      close();
      return std::nullopt;
    }
    if (document->text.empty()) continue;
    if (split_ != TextSplit::kAll && is_held_out(document->name) != (split_ == TextSplit::kHeldOut)) {
      ++counts_.other_split;
      continue;
    }
    ++counts_.documents;
    counts_.bytes += document->text.size();
    hash(document->name);
    hash(document->text);
    return document;
  }
}

void TextReader::State::close() {
  if (counts_.documents > 0) return;
  std::string message = "no text in " + (paths_.empty() ? "no path" : paths_.front());
  if (paths_.size() > 1) message += " and " + std::to_string(paths_.size() - 1) + " more";
  message += ": " + std::to_string(counts_.skipped_binary) + " binary files left out, " +
             std::to_string(counts_.other_split) + " documents that are not in the split `" +
             std::string(name(split_)) + "`";
  throw Error(ErrorCode::kBadInput, message);
}

void TextReader::State::hash(std::string_view bytes) {
  std::array<std::byte, 8> length;
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(bytes.size() >> (8 * i));
  hash_.update(length);
  hash_.update(std::as_bytes(std::span(bytes)));
}

std::string TextReader::State::sha256() {
  if (digest_.empty()) digest_ = hash_.hex();
  return digest_;
}

TextReader::TextReader(std::vector<std::string> paths, TextSplit split)
    : state_(std::make_unique<State>(std::move(paths), split)) {}
TextReader::~TextReader() = default;
TextReader::TextReader(TextReader&&) noexcept = default;
TextReader& TextReader::operator=(TextReader&&) noexcept = default;

std::optional<TextDocument> TextReader::next() { return state_->next(); }
const TextCounts& TextReader::counts() const noexcept { return state_->counts(); }
std::string TextReader::sha256() { return state_->sha256(); }

}  // namespace polysem
