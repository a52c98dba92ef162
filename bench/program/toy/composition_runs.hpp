#pragma once

#include "bench/program/experiment.hpp"
#include "bench/program/mean.hpp"
#include "polysem/factor_latents.hpp"
#include "polysem/factor_network.hpp"

namespace polysem::program::toy {

/// Where an independent program's runs of the same definition lie: the 5 % and 95 % quantiles over 20 to 40
/// seeds. 0 to 0 where nothing is known.
struct Band {
  double low = 0, high = 0;
  bool known() const { return high > low; }
  bool holds(double value) const { return value >= low && value <= high; }
};

struct NetworkRow {
  std::string name;
  FactorNetworkConfig config;
  Band held_out, interaction;
  std::vector<FactorNetworkResult> runs = {};
};

struct DictionaryRow {
  std::string name;
  SmallDictionaryConfig config;
  std::int64_t dim = 16;
  std::vector<std::int64_t> diagonals;  ///< held out
  Band held_out;
  std::vector<FactorLatents> runs = {};
  std::vector<SmallDictionary> dictionaries = {};
};

/// One number of each run.
Mean mean_of(const NetworkRow& row, double FactorNetworkResult::*what);
Mean mean_of(const DictionaryRow& row, double FactorLatents::*what);

/// Composed features (Anders, Neo, Hoelscher-Obermaier, Howard 2024): x1 or x2 together with y1 or y2, of one
/// magnitude, through a toy model's two dimensions, and a dictionary of four latents on what is there.
struct ComposedRow {
  double lambda = 0, one_hot = 0, rate = 0;  ///< one_hot: share of samples with one feature alone
  std::vector<double> composed = {};  ///< of each seed: share of live latents nearest to some x_i + y_j
};

/// Each runs its seeds on all threads, with progress; a stop throws Error{kInterrupted}.
void run_networks(const Arguments& arguments, const FactorWorld& world, std::vector<NetworkRow>& rows,
                  std::int64_t seeds);
void run_dictionaries(const Arguments& arguments, std::int64_t colours, std::int64_t shapes,
                      std::vector<DictionaryRow>& rows, std::int64_t seeds);
void run_composed(const Arguments& arguments, Session& session, std::vector<ComposedRow>& rows,
                  std::int64_t seeds);

}  // namespace polysem::program::toy
