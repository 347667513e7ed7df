//===- Target.cpp - the machine that code is made for ---------------------------------------------------===//

#include "contract/Target.h"

#include <iomanip>
#include <sstream>

namespace gemmac {

std::string textOf(const Target &target) {
  // Lists all members, so that a new one does not compile until it is handled here.
  const auto &[name, description, triple, cpu, features, backend, halide, requires_, board, cores, l1, l2,
               scheme, vectorBytes, vectorRegisters, dotProduct8, mixedSigns8, pairProducts16, matrixTiles8] =
      target;
  std::ostringstream text;
  text << "triple=" << std::quoted(triple) << " cpu=" << std::quoted(cpu)
       << " features=" << std::quoted(features) << " backend=" << std::quoted(backend)
       << " halide=" << std::quoted(halide) << " requires=";
  for (const std::string &feature : requires_)
    text << std::quoted(feature);
  text << " board=" << board << " cores=" << cores << " l1=" << l1 << " l2=" << l2
       << " scheme=" << nameOf(scheme) << " vector_bytes=" << vectorBytes
       << " vector_registers=" << vectorRegisters << " dot_product8=" << dotProduct8
       << " mixed_signs8=" << mixedSigns8 << " pair_products16=" << pairProducts16
       << " matrix_tiles8=" << matrixTiles8;
  return text.str();
}

} // namespace gemmac
