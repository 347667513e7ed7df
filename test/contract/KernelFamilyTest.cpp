// The table of kernels: rows that fit together, and what follows from them for a specification.

#include "contract/KernelFamily.h"
#include "contract/KernelTraits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace gemmac;

namespace {

std::string textOf(const KernelSpec &spec) {
  std::string text;
  for (const KernelArgument &argument : argumentsOf(spec)) {
    text += argument.name + (isOutput(argument.port->role) ? " -> " : " ");
    text += std::string(nameOf(argument.element)) + "[";
    for (const AxisSize &axis : argument.axes)
      text += (&axis == argument.axes.data() ? "" : " ") +
              (axis.number ? std::to_string(*axis.number) : axis.term);
    text += "]; ";
  }
  return text;
}

KernelSpec linear(const std::string &scheme) {
  return {"linear",
          {{"input", int64_t{64}},
           {"output", int64_t{40}},
           {"rows", int64_t{100}},
           {"offset", int64_t{8}},
           {"tokens", int64_t{0}},
           {"scheme", scheme}}};
}

TEST(KernelFamilies, AreFoundByName) {
  for (const KernelFamily &family : kernelFamilies())
    EXPECT_EQ(findFamily(family.name), &family) << family.name;
  EXPECT_EQ(findFamily("fourier"), nullptr);
  EXPECT_TRUE(std::ranges::is_sorted(kernelFamilies(), std::ranges::less_equal(), &KernelFamily::name));
}

TEST(KernelFamilies, HaveExamplesOfEveryPort) {
  for (const KernelFamily &family : kernelFamilies()) {
    std::set<const FamilyPort *> seen;
    bool optional = family.constants.size() < 3;
    for (const KernelSpec &spec : examplesOf(family)) {
      EXPECT_EQ(problemWithConstants(spec), "");
      for (const KernelArgument &argument : argumentsOf(spec))
        seen.insert(argument.port);
      optional |= spec.constants.size() == family.constants.size();
    }
    EXPECT_EQ(seen.size(), family.ports.size()) << family.name;
    EXPECT_TRUE(optional) << family.name << ": no example has every constant";
  }
}

// A word that is misspelt would be taken for a size that is known at run time.
TEST(KernelFamilies, HaveSizesOfConstantsOrOfCalls) {
  const std::set<std::string> ofCalls = {"n", "p", "pieces", "n*choices"};
  for (const KernelFamily &family : kernelFamilies())
    for (const KernelSpec &spec : examplesOf(family))
      for (const KernelArgument &argument : argumentsOf(spec))
        for (const AxisSize &axis : argument.axes)
          EXPECT_TRUE(axis.number || ofCalls.count(axis.term))
              << family.name << " " << argument.name << " " << axis.term;
}

TEST(KernelFamilies, NameWhatTheirTraitsAreAbout) {
  for (const KernelFamily &family : kernelFamilies()) {
    EXPECT_TRUE(
        std::ranges::is_sorted(family.ports, {},
                               [](const FamilyPort &port) {
                                 return isOutput(port.role) ? 2 : port.role == PortRole::input ? 0 : 1;
                               }))
        << family.name << ": inputs, weights, outputs";
    if (!family.inPlace.empty())
      EXPECT_TRUE(std::ranges::count(family.ports, family.inPlace, &FamilyPort::name)) << family.name;
  }
}

TEST(KernelFamilies, SayWhatASpecificationLacks) {
  EXPECT_EQ(problemWithConstants(linear("q4_0")), "");
  KernelSpec spec = linear("q4_0");
  spec.constants["cap"] = 30.0;
  EXPECT_EQ(problemWithConstants(spec), "");
  spec.constants["cap"] = int64_t{30};
  EXPECT_EQ(problemWithConstants(spec), "the constant 'cap' of linear is 30, not a float64 number");
  spec = linear("f16");
  EXPECT_EQ(problemWithConstants(spec),
            "the constant 'scheme' of linear is \"f16\", not a scheme of weights");
  spec = linear("f32");
  spec.constants["tokens"] = int64_t{2};
  EXPECT_EQ(problemWithConstants(spec), "the constant 'tokens' of linear is 2, not 0 or 1");
  spec = linear("f32");
  spec.constants.erase("offset");
  EXPECT_EQ(problemWithConstants(spec), "linear needs the constant 'offset', an integer of at least 0");
  spec = linear("f32");
  spec.constants["color"] = int64_t{1};
  EXPECT_EQ(problemWithConstants(spec),
            "linear has no constant 'color', but input, output, rows, offset, tokens, scheme, cap");
}

TEST(KernelFamilies, TakePlanesAndBlocksOfTheScheme) {
  EXPECT_EQ(textOf(linear("bf16")), "x f32[n 64]; w bf16[7 64 16]; y -> f32[n 40]; ");
  EXPECT_EQ(textOf(linear("q4_0")), "x i8[n 64]; scales f32[n 4]; sums i32[n 4]; w.0 u8[7 2 4 16 4]; "
                                    "w.1 f16[7 2 16]; y -> f32[n 40]; ");
  KernelSpec five = linear("q5_k");
  EXPECT_EQ(problemWithConstants(five),
            "the constant 'input' of linear is 64, no multiple of the blocks of 256 of q5_k");
  five.constants["input"] = int64_t{512};
  EXPECT_EQ(textOf(five), "x i8[n 512]; scales f32[n 32]; sums i32[n 32]; w.0 u8[7 16 4 16 4]; "
                          "w.1 u8[7 16 1 16 4]; w.2 i8[7 16 2 16]; w.3 f16[7 2 2 16]; y -> f32[n 40]; ");
  KernelSpec norm{"rms_norm",
                  {{"heads", int64_t{1}}, {"size", int64_t{96}}, {"weighted", int64_t{1}}, {"eps", 1e-6}}};
  EXPECT_EQ(textOf(norm), "x f32[n 1 96]; w f32[96]; y -> f32[n 1 96]; ");
  norm.constants["weighted"] = int64_t{0};
  norm.constants["quantized"] = int64_t{1};
  EXPECT_EQ(textOf(norm), "x f32[n 1 96]; q -> i8[n 3 32]; scales -> f32[n 3 2]; sums -> i32[n 3 2]; ");
  KernelSpec write{"cache_write",
                   {{"heads", int64_t{2}}, {"dim", int64_t{64}}, {"slots", int64_t{300}}, {"scheme", "f16"}}};
  EXPECT_EQ(textOf(write), "k f32[n 2 64]; v f32[n 2 64]; positions i32[n]; cache.0 -> f16[2 2 16 64 16]; "
                           "cache.1 -> f16[2 2 4 256 16]; ");
  write.constants["pairs"] = int64_t{8};
  EXPECT_EQ(textOf(write), "k f32[n 2 64]; v f32[n 2 64]; positions i32[n]; cache.0 -> f16[2 2 16 16 16]; "
                           "cache.1 -> f16[2 2 16 64 16]; ");
}

TEST(KernelFamilies, HaveTheirStackByTheSchedule) {
  Target plain, tiles;
  plain.mixedSigns8 = true;
  tiles.matrixTiles8 = tiles.mixedSigns8 = tiles.dotProduct8 = true;
  auto scheduled = [](KernelSpec spec, const Target &target) {
    spec.schedule = defaultSchedule(spec, target);
    return spec;
  };
  EXPECT_EQ(stackBytesOf(scheduled(linear("f32"), plain), plain), 0);
  EXPECT_EQ(stackBytesOf(scheduled(linear("q4_0"), plain), plain), 16 * 64);
  EXPECT_EQ(bytesReadBehind(scheduled(linear("q4_0"), plain)), 0);
  EXPECT_EQ(bytesReadBehind(scheduled(linear("q4_0"), tiles)), 15 * 64);
  EXPECT_EQ(bytesReadBehind(scheduled(linear("f32"), tiles)), 0);
  KernelSpec gelu{"gelu", {{"heads", int64_t{1}}, {"size", int64_t{64}}}};
  EXPECT_EQ(stackBytesOf(scheduled(gelu, tiles), tiles), 0);
}

} // namespace
