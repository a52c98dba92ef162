#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

// One row a recipe; each is defined in a file of its own in lib/models/recipes.
extern const Recipe kTopKRecipe;
extern const Recipe kBatchTopKRecipe;
extern const Recipe kJumpReluRecipe;
extern const Recipe kReluL1Recipe;

namespace {
constexpr const Recipe* kRecipes[] = {
    &kTopKRecipe,
    &kBatchTopKRecipe,
    &kJumpReluRecipe,
    &kReluL1Recipe,
};
}  // namespace

const RecipeParameter* Recipe::parameter(std::string_view option) const noexcept {
  for (const RecipeParameter& p : parameters)
    if (p.option == option) return &p;
  return nullptr;
}

std::span<const Recipe* const> recipes() { return kRecipes; }

const Recipe& find_recipe(std::string_view name) {
  std::string known;
  for (const Recipe* recipe : kRecipes) {
    if (recipe->name == name) return *recipe;
    known += (known.empty() ? "" : ", ") + std::string(recipe->name);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "there is no recipe '" + std::string(name) + "'; there are: " + known);
}

}  // namespace polysem
