//===- RopeRules.cpp - how a configuration says that heads turn -----------------------------------------===//

#include "compiler/import/RopeRules.h"

namespace gemmac {

RopeRules::RopeRules(ConfigFields &fields, ModelFamily family)
    : sliding{"default", 1e4, 1.0, 1.0}, global{"proportional", 1e6, 0.25, 1.0} {
  if (family == ModelFamily::gemma3) {
    sliding.theta = fields.positive("rope_local_base_freq", sliding.theta);
    global = {"default", fields.positive("rope_theta", global.theta), 1.0, 1.0};
    ConfigFields scaling = fields.inner("rope_scaling");
    if (fields.given("rope_scaling"))
      global = read(scaling, global);
    fields.absorb(scaling);
  }
  ConfigFields both = fields.inner("rope_parameters");
  for (auto [key, rule] : {std::pair("sliding_attention", &sliding), std::pair("full_attention", &global)}) {
    ConfigFields entry = both.inner(key);
    if (both.given(key))
      *rule = read(entry, *rule);
    both.absorb(entry);
  }
  both.refuseTheRest();
  fields.absorb(both);
}

RopeRules::Rule RopeRules::read(ConfigFields &entry, const Rule &absent) {
  Rule rule;
  // Files from before transformers 4.43 call it "type".
  rule.type = entry.string(entry.has("type") ? "type" : "rope_type", std::nullopt);
  if (entry.has("type") && entry.string("rope_type", rule.type) != rule.type)
    entry.fail("rope_type", "contradicts 'type'");
  rule.theta = entry.positive("rope_theta", absent.theta);
  rule.rotated = 1.0;
  rule.factor = 1.0;
  if (rule.type == "proportional") {
    rule.rotated = entry.number("partial_rotary_factor", absent.rotated, 0.0, 1.0);
    rule.factor = entry.positive("factor", 1.0);
  } else if (rule.type == "linear") {
    rule.factor = entry.positive("factor", std::nullopt);
  } else if (rule.type != "default") {
    entry.fail("rope_type",
               "is " + inQuotes(rule.type) + ", but 'default', 'linear' or 'proportional' is needed");
  }
  // Other types compute the exponent relative to the rotated part instead of the whole head.
  if (rule.type != "proportional" && entry.number("partial_rotary_factor", 1.0, 0.0, 1.0) != 1.0)
    entry.fail("partial_rotary_factor", "needs the type 'proportional'");
  entry.refuseTheRest();
  return rule;
}

RopeConfig RopeRules::of(const LayerConfig &layer) const {
  const Rule &rule = layer.global() ? global : sliding;
  int64_t half = layer.headDim / 2;
  // Rounded as the reference does it: down to whole numbers, then to whole pairs.
  int64_t pairs = rule.type == "proportional" ? int64_t(rule.rotated * double(layer.headDim)) / 2 : half;
  return {rule.theta, pairs, rule.factor};
}

} // namespace gemmac
