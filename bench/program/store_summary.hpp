#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/program/session.hpp"
#include "polysem/store.hpp"

namespace polysem::program {

/// What a store holds, for people and for programs (schema polysem.store_info/1).
std::string store_table(const ActivationStore& store);
nlohmann::json store_json(const std::string& path, const ActivationStore& store);

}  // namespace polysem::program
