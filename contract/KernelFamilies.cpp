//===- KernelFamilies.cpp - the table of kernel families ------------------------------------------------===//
//
// One row per family. `cmake --build build --target docs` generates its manual, build/docs/kernels.md.

#include "contract/KernelFamily.h"
#include "contract/KernelTraits.h"

#include <algorithm>
#include <iterator>

namespace gemmac {
namespace {

using enum ConstantKind;
using Ports = std::vector<FamilyPort>;

FamilyPort in(std::string_view name, std::string_view shape, std::string_view when = "",
              Element element = Element::f32) {
  return {name, PortRole::input, element, shape, when};
}

FamilyPort ints(std::string_view name, std::string_view shape) {
  return in(name, shape, "", Element::i32);
}

FamilyPort out(std::string_view name, std::string_view shape, std::string_view when = "",
               Element element = Element::f32) {
  return {name, PortRole::output, element, shape, when};
}

FamilyPort outInts(std::string_view name, std::string_view shape) {
  return out(name, shape, "", Element::i32);
}

FamilyPort matrix(std::string_view shape) {
  return {"w", PortRole::matrix, Element::f32, shape, "", {Layout::tiles16}};
}

FamilyPort vector(std::string_view name, std::string_view shape, std::string_view when = "") {
  return {name, PortRole::vector, Element::f32, shape, when, {Layout::vector}};
}

/// Rows as one argument, or, if the weights are quantized, as int8 blocks: three arguments, the numbers and
/// for each block two scales and two sums, as `blocks` leaves them.
Ports rows(PortRole role, std::string_view name, std::string_view shape, std::string_view ofBlocks,
           std::string_view ifFloat = "!quantized", std::string_view ifQuantized = "quantized") {
  return {{name, role, Element::f32, shape, ifFloat},
          {name, role, Element::i8, shape, ifQuantized},
          {"scales", role, Element::f32, ofBlocks, ifQuantized},
          {"sums", role, Element::i32, ofBlocks, ifQuantized}};
}

/// A quantized result: numbers; for each block its scale and the scale times the sum of q; -8 times the sum
/// of q and that of its first half, which cancel the bias of stored weights.
Ports blocks(std::string_view count, std::string_view two, std::string_view when = "") {
  return {out("q", count, when, Element::i8), out("scales", two, when), out("sums", two, when, Element::i32)};
}

/// Concatenates inputs, weights and outputs.
Ports join(std::initializer_list<Ports> parts) {
  Ports all;
  for (const Ports &part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<FamilyConstant> axesAnd(std::initializer_list<FamilyConstant> more) {
  std::vector<FamilyConstant> constants = {{"heads", count, "1: plain rows"}, {"size", count, "of a row"}};
  constants.insert(constants.end(), more.begin(), more.end());
  return constants;
}

constexpr FamilyConstant kScheme = {"scheme", weightScheme, "of the weight"},
                         kEps = {"eps", number, "added to the mean of the squares"},
                         kQuantized = {"quantized", flag, "1: the result is int8 in blocks of 32", true},
                         kExperts = {"experts", count}, kChoices = {"choices", count, "experts of a token"},
                         kPairs = {"pairs", count, "the cache has this many pairs of turned channels of keys",
                                   true};

const std::string_view kRow = "n, heads, size", kBlocks = "n, heads*size/32, 32",
                       kTwos = "n, heads*size/32, 2";

KernelFamily unary(std::string_view name, std::string_view formula,
                   std::vector<FamilyConstant> constants = axesAnd({}), std::string_view example = "") {
  return {.name = name,
          .formula = formula,
          .constants = std::move(constants),
          .ports = {in("x", kRow), out("y", kRow)},
          .inPlace = "x",
          .cutAxes = 3,
          .examples = {example.empty() ? "heads=1 size=40" : example}};
}

KernelFamily binary(std::string_view name, std::string_view formula, std::string_view example) {
  return {.name = name,
          .formula = formula,
          .constants = axesAnd({}),
          .ports = {in("a", kRow), in("b", kRow), out("y", kRow)},
          .inPlace = "a",
          .cutAxes = 3,
          .examples = {example}};
}

std::vector<KernelFamily> elementwise() {
  return {
      binary("add", "y = a + b", "heads=1 size=40"),
      unary("gelu", "y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))"),
      {.name = "gelu_mul",
       .formula = "y = gelu(a) b",
       .constants = axesAnd({kQuantized}),
       .ports = join({{in("a", kRow), in("b", kRow), out("y", kRow, "!quantized")},
                      blocks(kBlocks, kTwos, "quantized")}),
       .cutAxes = 3,
       .examples = {"heads=1 size=40", "heads=2 size=96 quantized=1"}},
      binary("mul", "y = a b", "heads=3 size=40"),
      {.name = "quantize",
       .formula = "x rounded to int8, with a scale of max |x| / 127 for each block",
       .constants = axesAnd({}),
       .ports = join({{in("x", kRow)}, blocks(kBlocks, kTwos)}),
       .cutAxes = 2,
       .examples = {"heads=2 size=96"}},
      {.name = "scale",
       .formula = "y = x by, or x scalar",
       .constants = axesAnd({{"by", number, "the factor, where it is known", true}}),
       .ports = {in("x", kRow), vector("scalar", "1", "!by"), out("y", kRow)},
       .inPlace = "x",
       .cutAxes = 3,
       .examples = {"heads=1 size=40 by=0.5", "heads=1 size=40"}},
      unary("softcap", "y = cap tanh(x / cap)", axesAnd({{"cap", number}}), "heads=1 size=40 cap=30"),
  };
}

std::vector<KernelFamily> rowWise() {
  return {
      {.name = "add_norm",
       .formula = "y = (residual + x (mean(x^2) + eps)^(-1/2) w) scalar",
       .constants = axesAnd({{"scaled", flag, "1: there is a scalar"}, kEps}),
       .ports = {in("residual", kRow), in("x", kRow), vector("w", "size"), vector("scalar", "1", "scaled"),
                 out("y", kRow)},
       .inPlace = "residual",
       .cutAxes = 2,
       .examples = {"heads=3 size=40 scaled=0 eps=1e-6", "heads=1 size=40 scaled=1 eps=1e-6"}},
      {.name = "rms_norm",
       .formula = "y = x (mean(x^2) + eps)^(-1/2) w",
       .constants = axesAnd({{"weighted", flag, "1: there is a w"}, kEps, kQuantized}),
       .ports = join({{in("x", kRow), vector("w", "size", "weighted"), out("y", kRow, "!quantized")},
                      blocks(kBlocks, kTwos, "quantized")}),
       .note = "Heads are not quantized.",
       .cutAxes = 3,
       .examples = {"heads=2 size=40 weighted=1 eps=1e-6", "heads=2 size=40 weighted=0 eps=1e-6",
                    "heads=1 size=96 weighted=1 eps=1e-6 quantized=1"}},
      {.name = "rope",
       .formula = "pair j < pairs of a head, (x[j], x[j + dim/2]), turns by theta^(-2j/dim) / factor times "
                  "the position",
       .constants = {{"heads", count},
                     {"dim", count},
                     {"theta", number},
                     {"pairs", index, "that turn; the others stay"},
                     {"factor", number, "by which positions are stretched"}},
       .ports = {in("x", "n, heads, dim"), ints("positions", "n"), out("y", "n, heads, dim")},
       .cutAxes = 3,
       .examples = {"heads=2 dim=64 theta=1e6 pairs=8 factor=1"}},
      {.name = "softmax",
       .formula = "y = e^(x - max) / sum of e^(x - max)",
       .constants = axesAnd({}),
       .ports = {in("x", kRow), out("y", kRow)},
       .inPlace = "x",
       .cutAxes = 2,
       .examples = {"heads=1 size=40"}},
  };
}

std::vector<KernelFamily> products() {
  return {
      {.name = "embed",
       .formula = "y[t, c] = scale table[ids[t], offset + c]",
       .constants = {{"vocab", count, "rows of the table"},
                     {"columns", count, "of the table"},
                     {"width", count, "columns that are looked up"},
                     {"offset", index, "the first of them"},
                     {"scale", number},
                     kScheme,
                     {"layout", layout, "of the table"}},
       .ports =
           {ints("ids", "n"),
            {"table", PortRole::table, Element::f32, "vocab, columns", "", {Layout::rows, Layout::tiles16}},
            out("y", "n, width")},
       .cutAxes = 2,
       .examples = {"vocab=100 columns=96 width=40 offset=8 scale=2"}},
      {.name = "expert_linear",
       .formula = "y[t, i, r] = sum over k of x[t, (i,) k] w[ids[t, i], r, k]",
       .constants = {{"input", count},
                     {"output", count},
                     kExperts,
                     kChoices,
                     {"shared", flag, "1: all choices of a token have the same x"},
                     kScheme},
       .ports = join(
           {rows(PortRole::input, "x", "n, input", "n, input/16", "shared !quantized", "shared quantized"),
            rows(PortRole::input, "x", "n, choices, input", "n, choices, input/16", "!shared !quantized",
                 "!shared quantized"),
            {ints("ids", "n, choices"), matrix("experts, output, input"), out("y", "n, choices, output")}}),
       .cutAxes = 3,
       .schedule = &kExpertSchedule,
       .examples = {"input=96 output=40 experts=4 choices=2 shared=1",
                    "input=96 output=40 experts=4 choices=2 shared=0"}},
      {.name = "grouped_linear",
       .formula = "y[i, r] = sum over k of x[i, k] w[e, r, k], where offsets[e] <= i < offsets[e + 1]",
       .constants = {{"input", count}, {"output", count}, kExperts, kScheme},
       .ports =
           join({rows(PortRole::input, "x", "p, input", "p, input/16"),
                 {ints("offsets", "experts+1"), matrix("experts, output, input"), out("y", "p, output")}}),
       .note = "Offsets ascend from 0 to p.",
       .cutAxes = 2,
       .manyRows = true,
       .schedule = &kMatrixSchedule,
       .stackBytes = stackOfTiles,
       .readBehind = readBehindTiles,
       .examples = {"input=96 output=40 experts=4", "input=2048 output=40 experts=4"}},
      {.name = "linear",
       .formula = "y[t, r] = sum over k of x[t, k] w[offset + r, k], capped as softcap does",
       .constants = {{"input", count},
                     {"output", count, "rows of w that are multiplied"},
                     {"rows", count, "of w"},
                     {"offset", index, "the first of them"},
                     {"tokens", flag, "1: one token in every call, 0: any number"},
                     kScheme,
                     {"cap", number, "of a softcap", true}},
       .ports = join({rows(PortRole::input, "x", "n, input", "n, input/16"),
                      {matrix("rows, input"), out("y", "n, output")}}),
       .cutAxes = 2,
       .manyRows = true,
       .schedule = &kMatrixSchedule,
       .stackBytes = stackOfTiles,
       .readBehind = readBehindTiles,
       // The last example needs more than 16 KiB, Halide's limit for arrays on the stack.
       .examples = {"input=96 output=40 rows=64 offset=8 tokens=0",
                    "input=96 output=40 rows=64 offset=8 tokens=1",
                    "input=2048 output=40 rows=64 offset=8 tokens=0 cap=30"}},
  };
}

std::vector<KernelFamily> attention() {
  const std::vector<FamilyConstant> constants = {{"heads", count, "of queries"},
                                                 {"kv_heads", count, "of keys and values"},
                                                 {"dim", count},
                                                 {"slots", count, "positions that the cache holds"},
                                                 {"window", index, "positions that a token sees; 0: all"},
                                                 {"scale", number},
                                                 {"scheme", cacheScheme, "of the cache"},
                                                 kPairs};
  const Ports inputs = {in("q", "n, heads, dim"),
                        ints("positions", "n"),
                        ints("visible", "n"),
                        {"cache", PortRole::cache, Element::f32, "slots, kv_heads, dim"},
                        vector("w", "dim", "pairs")};
  const std::vector<std::string_view> examples = {
      "heads=4 kv_heads=2 dim=64 slots=100 window=0 scale=1",
      "heads=4 kv_heads=2 dim=64 slots=100 window=20 scale=1",
      "heads=4 kv_heads=2 dim=64 slots=100 window=0 scale=1 pairs=8"};
  return {
      {.name = "attention_spans",
       .formula = "what each span of positions adds to cached_attention, for one token",
       .constants = constants,
       .ports = join({inputs, {out("parts", "pieces, heads/kv_heads, dim+16")}}),
       .note =
           "Piece i is kv head i mod kv_heads of span first + i / kv_heads, where first is the first span "
           "that the token sees; a piece beyond its last span is empty.",
       .cutAxes = 3,
       .schedule = &kSpanSchedule,
       .stackBytes = stackOfSpans,
       .examples = examples},
      {.name = "cache_write",
       .formula = "keys and values of the tokens go to their positions' slots, rounded as the scheme stores",
       .constants = {{"heads", count},
                     {"dim", count},
                     {"slots", count, "positions that the cache holds"},
                     {"scheme", cacheScheme, "of the cache"},
                     kPairs},
       .ports = {in("k", "n, heads, dim"),
                 in("v", "n, heads, dim"),
                 ints("positions", "n"),
                 {"cache", PortRole::writtenCache, Element::f32, "slots, heads, dim"}},
       .note = "A call writes all tokens of k, as far as its outputs' spans and heads go.",
       .schedule = &kWholeSchedule,
       .examples = {"heads=2 dim=64 slots=100", "heads=2 dim=64 slots=100 pairs=8"}},
      {.name = "cached_attention",
       .formula = "y[t, h] = sum over visible j of p[j] v[j], where p = softmax over visible j of scale q[t, "
                  "h] k[j]",
       .constants = constants,
       .ports = join({inputs, {out("y", "n, heads, dim")}}),
       .note = "Visible are positions[t] - window + 1 … visible[t]. With `pairs`, w is what values are "
               "multiplied with to be keys.",
       .cutAxes = 3,
       .schedule = &kPromptSchedule,
       .stackBytes = stackOfCachedAttention,
       .examples = examples},
      {.name = "merge_spans",
       .formula = "the parts of attention_spans joined in the order of the spans",
       .constants = {{"heads", count}, {"kv_heads", count}, {"dim", count}},
       .ports = {in("parts", "pieces, heads/kv_heads, dim+16"), out("y", "n, heads, dim")},
       .note = "n is 1.",
       .cutAxes = 3,
       .schedule = &kSingleSchedule,
       .examples = {"heads=4 kv_heads=2 dim=64"}},
  };
}

std::vector<KernelFamily> experts() {
  return {
      {.name = "combine",
       .formula = "y[t] = sum over i of weights[t, i] x[t, i]",
       .constants = {{"width", count}, kChoices},
       .ports = {in("x", "n, choices, width"), in("weights", "n, choices"), out("y", "n, width")},
       .cutAxes = 2,
       .examples = {"width=40 choices=3"}},
      {.name = "combine_groups",
       .formula = "y[t] = sum over i of weights[t, i] x[place[t, i]]",
       .constants = {{"width", count}, kChoices},
       .ports = {in("x", "n*choices, width"), ints("place", "n, choices"), in("weights", "n, choices"),
                 out("y", "n, width")},
       .cutAxes = 2,
       .examples = {"width=40 choices=3"}},
      {.name = "gather_tokens",
       .formula = "y[i] = x[order[i] / choices]",
       .constants = {{"width", count}, kChoices, {"quantized", flag, "1: x and y are int8 in blocks of 32"}},
       .ports = join({rows(PortRole::input, "x", "n, width", "n, width/16"),
                      {ints("order", "n*choices")},
                      rows(PortRole::output, "y", "n*choices, width", "n*choices, width/16")}),
       .cutAxes = 2,
       .examples = {"width=40 choices=3 quantized=0", "width=64 choices=3 quantized=1"}},
      {.name = "group_by_expert",
       .formula = "order lists the pairs t choices + i by expert, place[t, i] is a pair's index in it, "
                  "offsets[e] counts the pairs of experts below e",
       .constants = {kExperts, kChoices},
       .ports = {ints("ids", "n, choices"), outInts("order", "n*choices"), outInts("place", "n, choices"),
                 outInts("offsets", "experts+1")},
       .schedule = &kWholeSchedule,
       .examples = {"experts=8 choices=3"}},
      {.name = "top_k",
       .formula = "ids[t] are the largest of p[t], the lower id first among equals; weights[t, i] = p[t, "
                  "ids[t, i]] / (sum of the chosen p) expert_scale[ids[t, i]]",
       .constants = {kExperts, kChoices},
       .ports = {in("p", "n, experts"), vector("expert_scale", "experts"), out("weights", "n, choices"),
                 outInts("ids", "n, choices")},
       .cutAxes = 2,
       .examples = {"experts=8 choices=3"}},
  };
}

} // namespace

const std::vector<KernelFamily> &kernelFamilies() {
  static const std::vector<KernelFamily> table = [] {
    std::vector<KernelFamily> all;
    for (std::vector<KernelFamily> (*part)() : {elementwise, rowWise, products, attention, experts})
      std::ranges::move(part(), std::back_inserter(all));
    std::ranges::sort(all, {}, &KernelFamily::name);
    return all;
  }();
  return table;
}

} // namespace gemmac
