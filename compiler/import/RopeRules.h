//===- RopeRules.h - how a configuration says that heads turn -------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_ROPERULES_H
#define GEMMAC_COMPILER_IMPORT_ROPERULES_H

#include "compiler/import/ConfigFields.h"
#include "compiler/import/ModelConfig.h"

namespace gemmac {

/// One rule for sliding layers and one for global ones. Gemma 4 spells them in `rope_parameters`; so does
/// Gemma 3 in newer files, in older ones `rope_theta`, `rope_local_base_freq` and `rope_scaling`.
class RopeRules {
public:
  RopeRules(ConfigFields &fields, ModelFamily family);

  RopeConfig of(const LayerConfig &layer) const;

private:
  struct Rule {
    std::string type;
    double theta;
    double rotated; ///< fraction of the head
    double factor;
  };
  Rule sliding, global;

  static Rule read(ConfigFields &entry, const Rule &absent);
};

} // namespace gemmac

#endif
