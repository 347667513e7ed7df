//===- PlanKernels.cpp - kernels by the reference's math ------------------------------------------------===//

#include "compiler/verify/PlanKernels.h"

#include "compiler/reference/Math.h"
#include "compiler/verify/PackedWeights.h"
#include "llvm/ADT/StringSwitch.h"

#include <algorithm>

namespace gemmac::verify {

using reference::Array;
using reference::Shape;

const reference::Weight &PlanKernels::matrix(KernelOperands &operands, Layout layout, Scheme scheme,
                                             WeightShape shape) {
  std::vector<Plane> planes = planesOf(layout, scheme, shape);
  std::vector<const Region *> regions;
  std::string key;
  for (size_t i = 0; i < planes.size(); ++i) {
    regions.push_back(&operands.next());
    if (regions.back()->sizes != planes[i].shape)
      operands.fail("has another shape than the layout's plane");
    key += std::to_string(regions.back()->name.number) + "+" + std::to_string(regions.back()->offset) + " ";
  }
  key += std::string(nameOf(scheme)) + " " + std::to_string(shape.rows) + " " + std::to_string(shape.columns);
  auto known = matrices.find(key);
  if (known != matrices.end() && !operands.failed())
    return known->second;
  PlaneBytes bytes;
  for (auto [plane, region] : llvm::zip_equal(planes, regions)) {
    bytes.push_back(operands.bytesOf(*region));
    bytes.back().resize(size_t(plane.bytes()));
  }
  return matrices[operands.failed() ? "failed" : key] = unpack(layout, scheme, shape, bytes);
}

namespace {

constexpr const char *kOther = "is not what the kernel was made for";

/// One run of one kernel.
class KernelRun {
public:
  KernelRun(PlanKernels &kernels, const KernelSpec &spec, KernelOperands &operands)
      : kernels(kernels), spec(spec), operands(operands) {}

  using Family = void (KernelRun::*)();
  static Family find(llvm::StringRef family);

private:
  int64_t integer(const char *name) const { return spec.integer(name); }
  float number(const char *name) const { return float(spec.number(name)); }
  bool says(const char *name) const { return spec.has(name) && spec.integer(name) != 0; }

  /// Float rows as the kernel leaves them.
  void putRows(const Array &rows) { operands.put(says("quantized") ? quantize(rows, kBlock) : rows); }
  Array rows() { return isQuantized(spec.scheme()) ? operands.blocks() : operands.floats(); }
  const Array &matrix(WeightShape shape) {
    const reference::Weight &weight = kernels.matrix(operands, Layout::tiles16, spec.scheme(), shape);
    return weight.blocks ? *weight.blocks : weight.numbers;
  }
  float scalar() {
    Array one = operands.floats();
    if (one.floats().size() == 1)
      return one.floats().front();
    operands.fail("is no single number");
    return 0;
  }
  /// Two operands of which each number of one meets a number of the other.
  template <typename Function>
  void pairs(Function function) {
    Array a = operands.floats(), b = operands.floats();
    if (operands.check(a.shape() == b.shape(), "has another shape than the one before it"))
      putRows(function(a, b));
  }

  void embed();
  void linear();
  void expertLinear();
  void groupedLinear();
  void rmsNorm();
  void addNorm();
  void gelu() { operands.put(reference::gelu(operands.floats())); }
  void softmax() { operands.put(reference::softmax(operands.floats())); }
  void softcap() { operands.put(reference::softcap(operands.floats(), number("cap"))); }
  void geluMul() { pairs(reference::geluMul); }
  void add() { pairs(reference::add); }
  void multiply() { pairs(reference::multiply); }
  void scale();
  void quantizeRows() { operands.put(quantize(operands.floats(), kBlock)); }
  void rope();
  void topK();
  void groupByExpert();
  void gatherTokens();
  void combine();
  void combineGroups();
  void writeCache() { cacheWrite(spec, operands); }
  void attention() { cachedAttention(spec, operands); }
  void spans() { attentionSpans(spec, operands); }
  void merge() { mergeSpans(spec, operands); }

  PlanKernels &kernels;
  const KernelSpec &spec;
  KernelOperands &operands;
};

void KernelRun::embed() {
  WeightShape shape{0, integer("vocab"), integer("columns")};
  Array ids = operands.indices(shape.rows);
  const reference::Weight &table = kernels.matrix(operands, spec.layout(), spec.scheme(), shape);
  operands.put(reference::embed(ids, table.numbers, number("scale"), integer("offset"), {integer("width")}));
}

void KernelRun::linear() {
  Array x = rows();
  const Array &weight = matrix({0, integer("rows"), integer("input")});
  if (!operands.check(x.width() == integer("input") && (!says("tokens") || x.rows() == 1), kOther))
    return;
  Array y = reference::linear(x, weight, integer("offset"), {integer("output")});
  operands.put(spec.has("cap") ? reference::softcap(y, number("cap")) : y);
}

void KernelRun::expertLinear() {
  Array x = rows(), ids = operands.indices(integer("experts"));
  const Array &weight = matrix({integer("experts"), integer("output"), integer("input")});
  if (!operands.check(x.shape().back() == integer("input") && ids.width() == integer("choices") &&
                          x.rows() == ids.rows() && (x.rank() == 2) == says("shared"),
                      kOther))
    return;
  operands.put(reference::expertLinear(x, ids, weight));
}

void KernelRun::groupedLinear() {
  Array x = rows(), offsets = operands.indices(x.rows() + 1);
  const Array &weight = matrix({integer("experts"), integer("output"), integer("input")});
  if (!operands.check(x.width() == integer("input") && offsets.rows() == integer("experts") + 1 &&
                          std::ranges::is_sorted(offsets.ids()),
                      kOther))
    return;
  operands.put(reference::groupedLinear(x, offsets, weight));
}

void KernelRun::rmsNorm() {
  Array x = operands.floats();
  std::optional<Array> weight;
  if (says("weighted"))
    weight = operands.floats();
  if (!operands.check(!weight || weight->shape() == Shape{integer("size")}, "is no weight of the norm"))
    return;
  putRows(reference::rmsNorm(x, weight ? &*weight : nullptr, number("eps")));
}

void KernelRun::addNorm() {
  Array residual = operands.floats(), x = operands.floats(), weight = operands.floats();
  if (!operands.check(weight.shape() == Shape{integer("size")} && residual.shape() == x.shape(), kOther))
    return;
  std::optional<float> scalar;
  if (says("scaled"))
    scalar = this->scalar();
  operands.put(reference::addNorm(residual, x, weight, number("eps"), scalar));
}

void KernelRun::scale() {
  Array x = operands.floats();
  float by = spec.has("by") ? number("by") : scalar();
  operands.put(reference::scale(x, by));
}

void KernelRun::rope() {
  Array x = operands.floats(), positions = operands.ids();
  if (!operands.check(positions.rows() == x.rows(), "has another number of positions than of rows"))
    return;
  operands.put(reference::rope(x, positions, spec.number("theta"), integer("pairs"), spec.number("factor")));
}

void KernelRun::topK() {
  Array probabilities = operands.floats(), scales = operands.floats();
  if (!operands.check(scales.rows() == integer("experts") && probabilities.width() == integer("experts"),
                      kOther))
    return;
  reference::Chosen chosen = reference::topK(probabilities, scales, integer("choices"));
  operands.put(chosen.weights);
  operands.put(chosen.ids);
}

void KernelRun::groupByExpert() {
  reference::Groups groups =
      reference::groupByExpert(operands.indices(integer("experts")), integer("experts"));
  operands.put(groups.order);
  operands.put(groups.place);
  operands.put(groups.offsets);
}

void KernelRun::gatherTokens() {
  Array x = says("quantized") ? operands.blocks() : operands.floats();
  Array order = operands.indices(x.rows() * integer("choices"));
  if (!operands.failed())
    operands.put(reference::gatherTokens(x, order, integer("choices")));
}

void KernelRun::combine() {
  Array x = operands.floats(), weights = operands.floats();
  if (!operands.check(x.rank() == 3 && x.rows() == weights.rows() && x.size(1) == weights.width(), kOther))
    return;
  operands.put(reference::combine(x, weights));
}

void KernelRun::combineGroups() {
  Array x = operands.floats(), place = operands.indices(x.rows()), weights = operands.floats();
  if (!operands.check(place.shape() == weights.shape(), kOther))
    return;
  operands.put(reference::combineGroups(x, place, weights));
}

KernelRun::Family KernelRun::find(llvm::StringRef family) {
  return llvm::StringSwitch<Family>(family)
      .Case("embed", &KernelRun::embed)
      .Case("linear", &KernelRun::linear)
      .Case("expert_linear", &KernelRun::expertLinear)
      .Case("grouped_linear", &KernelRun::groupedLinear)
      .Case("rms_norm", &KernelRun::rmsNorm)
      .Case("add_norm", &KernelRun::addNorm)
      .Case("gelu", &KernelRun::gelu)
      .Case("softmax", &KernelRun::softmax)
      .Case("softcap", &KernelRun::softcap)
      .Case("gelu_mul", &KernelRun::geluMul)
      .Case("add", &KernelRun::add)
      .Case("mul", &KernelRun::multiply)
      .Case("scale", &KernelRun::scale)
      .Case("quantize", &KernelRun::quantizeRows)
      .Case("rope", &KernelRun::rope)
      .Case("cache_write", &KernelRun::writeCache)
      .Case("cached_attention", &KernelRun::attention)
      .Case("attention_spans", &KernelRun::spans)
      .Case("merge_spans", &KernelRun::merge)
      .Case("top_k", &KernelRun::topK)
      .Case("group_by_expert", &KernelRun::groupByExpert)
      .Case("gather_tokens", &KernelRun::gatherTokens)
      .Case("combine", &KernelRun::combine)
      .Case("combine_groups", &KernelRun::combineGroups)
      .Default(nullptr);
}

} // namespace

bool PlanKernels::knows(llvm::StringRef family) {
  return KernelRun::find(family) != nullptr;
}

llvm::Error PlanKernels::run(const KernelSpec &spec, llvm::ArrayRef<Region> regions) {
  KernelRun::Family family = KernelRun::find(spec.family);
  if (!family)
    return llvm::createStringError("has no meaning for the plan's interpreter");
  KernelOperands operands(memory, regions);
  KernelRun kernel(*this, spec, operands);
  (kernel.*family)();
  return operands.finish();
}

} // namespace gemmac::verify
