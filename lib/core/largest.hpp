#pragma once

#include <cstddef>
#include <cstdint>

namespace polysem::core {

/// Keeps the largest of the activations that are offered in ascending order of latents, in the caller's
/// memory: as a list while there is room, then as a heap with the one to go next on top.
class Largest {
 public:
  Largest(std::uint32_t* latents, float* values, std::size_t capacity)
      : latents_(latents),
        values_(values),
        capacity_(capacity),
        bound_(capacity > 0 ? 0 : __builtin_inff()) {}

  /// Activations of `count` latents from `first` on; none of them is negative.
  void offer_block(std::uint32_t first, const float* values, std::uint32_t count) {
    float most = 0;  // most blocks have nothing to offer, which this sees quickly
    for (std::uint32_t i = 0; i < count; ++i) most = values[i] > most ? values[i] : most;
    if (!(most > bound_)) return;
    // Later ones that are equal lose to earlier ones.
    for (std::uint32_t i = 0; i < count; ++i)
      if (values[i] > bound_) offer(first + i, values[i]);
  }

  /// Puts the codes in ascending order of latents; returns how many there are.
  std::size_t finish() {
    if (count_ < capacity_) return count_;  // they never left it
    for (std::size_t i = count_ / 2; i-- > 0;) sift<Later>(i, count_, latents_[i], values_[i]);
    for (std::size_t end = count_; end-- > 1;) {
      const std::uint32_t latent = latents_[end];
      const float value = values_[end];
      put(end, latents_[0], values_[0]);
      sift<Later>(0, end, latent, value);
    }
    return count_;
  }

 private:
  void offer(std::uint32_t latent, float value) {
    if (count_ < capacity_) {
      put(count_++, latent, value);
      if (count_ == capacity_) full();
    } else {
      sift<Worse>(0, count_, latent, value);
      bound_ = values_[0];
    }
  }

  struct Worse {
    static bool before(std::uint32_t a, float value_a, std::uint32_t b, float value_b) {
      return value_a < value_b || (value_a == value_b && a > b);
    }
  };
  struct Later {
    static bool before(std::uint32_t a, float, std::uint32_t b, float) { return a > b; }
  };

  void put(std::size_t at, std::uint32_t latent, float value) { latents_[at] = latent, values_[at] = value; }

  void full() {
    for (std::size_t i = count_ / 2; i-- > 0;) sift<Worse>(i, count_, latents_[i], values_[i]);
    bound_ = values_[0];
  }

  /// Puts an entry where it belongs in the heap below `at`, whose own entry goes.
  template <class Order>
  void sift(std::size_t at, std::size_t count, std::uint32_t latent, float value) {
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count &&
          Order::before(latents_[child + 1], values_[child + 1], latents_[child], values_[child]))
        ++child;
      if (!Order::before(latents_[child], values_[child], latent, value)) break;
      put(at, latents_[child], values_[child]);
      at = child;
    }
    put(at, latent, value);
  }

  std::uint32_t* latents_;
  float* values_;
  std::size_t capacity_, count_ = 0;
  float bound_;
};

}  // namespace polysem::core
