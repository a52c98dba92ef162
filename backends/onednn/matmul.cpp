#include "backends/onednn/matmul.hpp"

#include <cstring>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "backends/onednn/scratch.hpp"
#include "polysem/error.hpp"

/// Everything that knows oneDNN's interface, and with it the difference between 2.6 and 3.x.
namespace polysem::onednn {

namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  thread_local dnnl::stream own(engine());
  return own;
}

// The library's own scratch memory would be shared between threads.
std::byte* scratch(std::size_t bytes) {
  thread_local AlignedBytes memory;
  return memory.at_least(bytes);
}

Desc matrix(std::int64_t rows, std::int64_t cols, bool bf16, std::int64_t row_stride,
            std::int64_t col_stride) {
  const auto type = bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
  return Desc({rows, cols}, type, dnnl::memory::dims{row_stride, col_stride});
}

Desc right_desc(const MatmulShape& s, RightLayout layout, std::int64_t ldb) {
  const auto type = s.bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
  if (layout == RightLayout::kPacked) return Desc({s.k, s.n}, type, Tag::any);
  return layout == RightLayout::kPlain ? matrix(s.k, s.n, s.bf16, ldb, 1) : matrix(s.k, s.n, s.bf16, 1, ldb);
}

dnnl::matmul::primitive_desc describe(const Desc& a, const Desc& b, const Desc& c, bool accumulate = false) {
  dnnl::primitive_attr attributes;
  if (accumulate) {
    dnnl::post_ops add;
    add.append_sum(1.0f);
    attributes.set_post_ops(add);
  }
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
  return dnnl::matmul::primitive_desc(engine(), a, b, c, attributes);
#else
  return dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), attributes, engine());
#endif
}

void* writable(const void* p) { return const_cast<void*>(p); }  // oneDNN's memory objects know no const

// How a packed B lies must not depend on the rows of A, so that one packed copy serves all batch sizes.
Desc packed_desc(const MatmulShape& s) {
  constexpr std::int64_t kUsualRows = 128;
  return describe(matrix(kUsualRows, s.k, s.bf16, s.k, 1), right_desc(s, RightLayout::kPacked, 0),
                  matrix(kUsualRows, s.n, false, s.n, 1))
      .weights_desc();
}

// oneDNN 3.7 takes the elements of a lone row to follow one another, whatever their stride.
bool is_scattered_row(const MatmulShape& s) { return s.transpose_a && s.m == 1 && s.lda != 1; }

Desc left_desc(const MatmulShape& s) {
  if (is_scattered_row(s)) return matrix(1, s.k, s.bf16, s.k, 1);
  return s.transpose_a ? matrix(s.m, s.k, s.bf16, 1, s.lda) : matrix(s.m, s.k, s.bf16, s.lda, 1);
}

// A row of k elements that lie lda apart.
const void* gathered(const void* a, const MatmulShape& s) {
  thread_local AlignedBytes memory;
  const std::size_t element = s.bf16 ? 2 : 4;
  std::byte* row = memory.at_least(static_cast<std::size_t>(s.k) * element);
  for (std::size_t p = 0; p < static_cast<std::size_t>(s.k); ++p)
    std::memcpy(row + p * element,
                static_cast<const std::byte*>(a) + p * static_cast<std::size_t>(s.lda) * element, element);
  return row;
}

class Primitive final : public Matmul {
 public:
  explicit Primitive(const MatmulShape& s)
      : shape_(s),
        desc_(describe(left_desc(s),
                       s.right == RightLayout::kPacked ? packed_desc(s) : right_desc(s, s.right, s.ldb),
                       matrix(s.m, s.n, s.bf16_out, s.ldc, 1), s.accumulate)),
        matmul_(desc_),
        a_(desc_.src_desc()),
        b_(desc_.weights_desc()),
        c_(desc_.dst_desc()),
        scratch_(desc_.scratchpad_desc()) {}

  void operator()(const void* a, const void* b, void* c) const override {
    const void* row = is_scattered_row(shape_) ? gathered(a, shape_) : a;
    const dnnl::memory left(a_, engine(), writable(row)), right(b_, engine(), writable(b)),
        out(c_, engine(), c);
    const dnnl::memory own(scratch_, engine(), scratch(scratch_.get_size()));
    matmul_.execute(
        stream(),
        {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, out}, {DNNL_ARG_SCRATCHPAD, own}});
  }

  bool fast() const override { return std::string_view(desc_.impl_info_str()).substr(0, 3) != "ref"; }

  std::size_t packed_bytes() const override { return b_.get_size(); }

  void pack(const void* b, RightLayout from, std::int64_t ldb, void* packed) const override {
    dnnl::memory source(right_desc(shape_, from, ldb), engine(), writable(b));
    dnnl::memory target(b_, engine(), packed);
    dnnl::reorder(source, target).execute(stream(), source, target);
  }

 private:
  MatmulShape shape_;
  dnnl::matmul::primitive_desc desc_;
  dnnl::matmul matmul_;
  Desc a_, b_, c_, scratch_;
};

struct Hash {
  std::size_t operator()(const MatmulShape& s) const noexcept {
    std::size_t h = (s.bf16 ? 2u : 0u) + (s.transpose_a ? 1u : 0u) + (s.accumulate ? 4u : 0u) +
                    (s.bf16_out ? 8u : 0u) + 16u * static_cast<std::size_t>(s.right);
    for (const std::int64_t x : {s.m, s.n, s.k, s.lda, s.ldb, s.ldc})
      h = h * 0x9E3779B97F4A7C15u + static_cast<std::size_t>(x);
    return h;
  }
};

class Cache {
 public:
  std::shared_ptr<const Matmul> find(const MatmulShape& shape) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto place = known_.find(shape); place != known_.end()) return place->second;
    }
    auto made = std::make_shared<const Primitive>(shape);
    const std::unique_lock lock(mutex_);
    if (known_.size() >= kMost) known_.clear();  // a run that keeps changing shapes must not grow for ever
    return known_.try_emplace(shape, std::move(made)).first->second;
  }

 private:
  static constexpr std::size_t kMost = 4096;
  std::shared_mutex mutex_;
  std::unordered_map<MatmulShape, std::shared_ptr<const Matmul>, Hash> known_;
};

}  // namespace

std::shared_ptr<const Matmul> Matmul::of(const MatmulShape& shape) {
  static Cache cache;
  try {
    return cache.find(shape);
  } catch (const dnnl::error& error) {
    throw Error(ErrorCode::kFailed, "oneDNN cannot make a matrix product of " + std::to_string(shape.m) +
                                        " x " + std::to_string(shape.n) + " x " + std::to_string(shape.k) +
                                        ": " + error.what());
  }
}

const char* library_version() {
  static const std::string text = [] {
    const dnnl_version_t* v = dnnl_version();
    return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
           std::to_string(v->patch);
  }();
  return text.c_str();
}

}  // namespace polysem::onednn
