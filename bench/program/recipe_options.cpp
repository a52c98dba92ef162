#include "bench/program/recipe_options.hpp"

#include <algorithm>

#include "bench/program/terminal.hpp"

namespace polysem::program {

namespace {

/// "topk, batch_topk": the recipes that have the option, each followed by `suffix` of its parameter.
template <class F>
std::string recipes_with(std::string_view option, const F& suffix) {
  std::string list;
  for (const Recipe* recipe : recipes()) {
    if (const RecipeParameter* p = recipe->parameter(option); p != nullptr)
      list += (list.empty() ? "" : ", ") + std::string(recipe->name) + suffix(*p);
  }
  return list;
}

}  // namespace

std::vector<OptionSpec> recipe_options() {
  std::vector<OptionSpec> options;
  for (const Recipe* recipe : recipes()) {
    for (const RecipeParameter& p : recipe->parameters) {
      const std::string name(p.option);
      if (std::any_of(options.begin(), options.end(), [&](const auto& o) { return o.name == name; }))
        continue;
      const std::string defaults =
          recipes_with(p.option, [](const RecipeParameter& of) { return " " + significant(of.value); });
      options.push_back({name, "X", "", std::string(p.help) + " [" + defaults + "]"});
    }
  }
  return options;
}

void refuse_foreign_options(const Arguments& arguments, const Recipe& recipe) {
  for (const OptionSpec& option : recipe_options()) {
    if (!arguments.given(option.name) || recipe.parameter(option.name) != nullptr) continue;
    arguments.refuse(option.name, "recipe " + std::string(recipe.name) + " has no use for it; it is for " +
                                      recipes_with(option.name, [](const RecipeParameter&) { return ""; }));
  }
}

double recipe_number(const Arguments& arguments, const Recipe& recipe, std::string_view option, double lowest,
                     double highest, double otherwise) {
  const RecipeParameter* p = recipe.parameter(option);
  if (p == nullptr) return otherwise;
  return arguments.given(option) ? arguments.number(option, lowest, highest) : p->value;
}

std::int64_t recipe_integer(const Arguments& arguments, const Recipe& recipe, std::string_view option,
                            std::int64_t lowest, std::int64_t highest, std::int64_t otherwise) {
  const RecipeParameter* p = recipe.parameter(option);
  if (p == nullptr) return otherwise;
  return arguments.given(option) ? arguments.integer(option, lowest, highest)
                                 : static_cast<std::int64_t>(p->value);
}

std::string_view coefficient_option(const Recipe& recipe) {
  if (recipe.penalty == Penalty::kNone) return "";
  return recipe.penalty == Penalty::kL0 ? "l0-coefficient" : "l1-coefficient";
}

nlohmann::json effective_options(const Arguments& arguments, const Recipe& recipe, double target_l0) {
  nlohmann::json effective = arguments.effective();
  for (const RecipeParameter& p : recipe.parameters) {
    auto& value = effective["options"][std::string(p.option)];
    if (!value.is_null()) continue;
    // The shortest text that gives the same number.
    value = nlohmann::json(p.option == "target-l0" ? target_l0 : p.value).dump();
    if (auto& text = value.get_ref<std::string&>(); text.ends_with(".0")) text.resize(text.size() - 2);
  }
  return effective;
}

}  // namespace polysem::program
