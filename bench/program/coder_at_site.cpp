#include "bench/program/coder_at_site.hpp"

#include "polysem/error.hpp"

namespace polysem::program {

namespace {

struct Source {
  std::string model, site;
};

/// "MODEL SITE" of a coder; the model's name may hold blanks, too.
Source source_of(const CoreModel& coder) {
  const polysem_text text = polysem_model_source(&coder.get());
  const std::string source(text.data, text.length);
  const auto blank = source.rfind(' ');
  if (blank == std::string::npos)
    return source.starts_with("blocks.") ? Source{"", source} : Source{source, ""};
  return {source.substr(0, blank), source.substr(blank + 1)};
}

Site site_of(const Arguments& arguments, const CoreModel& coder, std::int64_t blocks) {
  if (arguments.given("site")) return Site::parse(arguments.text("site"), blocks);
  const std::string site = source_of(coder).site;
  if (site.empty())
    throw UsageError(
        "the coder does not say at which site it was trained; give --site, for instance "
        "--site blocks.14.hook_resid_post");
  try {
    return Site::parse(site, blocks);
  } catch (const Error& error) {
    throw Error(ErrorCode::kBadInput, arguments.text("coder") + " was trained at a site that " +
                                          arguments.text("model") + " does not have: " + error.what());
  }
}

}  // namespace

CoderAtSite::CoderAtSite(const Arguments& arguments, Executor& executor, Precision precision)
    : coder_(open_core_model(arguments.text("coder"))),
      file_(arguments.text("model")),
      model_(file_.gguf(), executor, precision),
      site_(site_of(arguments, coder_, model_.shape().blocks)) {
  const std::int64_t width = model_.width(site_);
  if (width != coder_.get().d_in)
    throw Error(ErrorCode::kBadInput, arguments.text("coder") + " reads " +
                                          std::to_string(coder_.get().d_in) + " dimensions, " + site_.name() +
                                          " of " + arguments.text("model") + " has " + std::to_string(width));
  const std::string trained_on = source_of(coder_).model;
  if (!trained_on.empty() && trained_on != file_.name())
    note_ = "the coder was trained on " + trained_on + "; this is " + file_.name();
}

}  // namespace polysem::program
