//===- CrossTest.cpp - every family for every machine: its needs, its instructions, its stack -----------===//

#include "contract/KernelFamily.h"
#include "contract/KernelTraits.h"
#include "targets/Devices.h"
#include "targets/kernels/Kernel.h"
#include "test/TemporaryFolder.h"

#include "llvm/Object/ObjectFile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <regex>
#include <set>

using namespace gemmac;

namespace {

int64_t i(int64_t number) {
  return number;
}

KernelSpec linear(const std::string &scheme, int64_t tokens, int64_t input = 96) {
  return {"linear",
          {{"input", input},
           {"output", i(40)},
           {"rows", i(64)},
           {"offset", i(8)},
           {"scheme", scheme},
           {"tokens", tokens}}};
}

KernelSpec attention(const std::string &family, const std::string &scheme, int64_t window) {
  return {family,
          {{"heads", i(4)},
           {"kv_heads", i(2)},
           {"dim", i(64)},
           {"slots", i(100)},
           {"window", window},
           {"scale", 1.0},
           {"scheme", scheme}}};
}

/// As select-kernels leaves it.
KernelSpec scheduled(KernelSpec spec, const Target &target) {
  spec.schedule = defaultSchedule(spec, target);
  return spec;
}

/// Each family, each of its variants.
std::vector<KernelSpec> allSpecs() {
  std::vector<KernelSpec> specs;
  for (const KernelFamily &family : kernelFamilies())
    for (KernelSpec &spec : examplesOf(family))
      specs.push_back(std::move(spec));
  return specs;
}

/// All that the code of a kernel follows from: of a target neither the CPU and the features, which are the
/// driver's, nor the sizes of caches and what else only chooses schedules, as tiles are.
std::string codeOf(const KernelSpec &spec, const Target &target) {
  Target read = target;
  read.cpu = read.features = "";
  read.requires_ = {};
  read.board = read.matrixTiles8 = false;
  read.cores = 0;
  read.l1 = read.l2 = 0;
  read.scheme = Scheme::f32;
  return spec.text() + textOf(read);
}

/// The first target for which the kernel of this specification has the same code.
const Target &firstWithCodeOf(const KernelSpec &plain, const Target &target) {
  std::string code = codeOf(scheduled(plain, target), target);
  return *std::ranges::find_if(
      allTargets(), [&](const Target &other) { return codeOf(scheduled(plain, other), other) == code; });
}

class EveryTarget : public testing::TestWithParam<std::string> {
protected:
  const Target &target = *findTarget(GetParam());
};

TEST_P(EveryTarget, ObjectsDefineThemselvesAndNeedNothing) {
  // What compilers put in for loops that fill and copy; every C library has them.
  const std::set<std::string> allowed = {"memset", "memcpy", "memmove"};
  for (const KernelSpec &plain : allSpecs()) {
    if (&firstWithCodeOf(plain, target) != &target)
      continue;
    KernelSpec spec = scheduled(plain, target);
    SCOPED_TRACE(spec.text());
    MadeKernel kernel = halideMaker().make(spec, target);
    ASSERT_EQ(kernel.error, "");
    auto object =
        llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(kernel.artifact.bytes, "kernel.o"));
    ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
    std::set<std::string> defined;
    for (const llvm::object::SymbolRef &symbol : (*object)->symbols()) {
      uint32_t flags = llvm::cantFail(symbol.getFlags());
      std::string name = llvm::cantFail(symbol.getName()).str();
      if (flags & llvm::object::SymbolRef::SF_Undefined)
        EXPECT_TRUE(name.empty() || allowed.count(name)) << "needs " << name;
      else if (flags & llvm::object::SymbolRef::SF_Global)
        defined.insert(name);
    }
    EXPECT_EQ(defined, std::set<std::string>{spec.symbol()});
  }
}

TEST_P(EveryTarget, TheSameCodeIsTheSameBytes) {
  for (const KernelSpec &plain : {linear("q4_0", 1), linear("iq4_xs", 1, 256), linear("f32", 0)}) {
    const Target &first = firstWithCodeOf(plain, target);
    if (&first == &target)
      continue;
    KernelSpec spec = scheduled(plain, target);
    EXPECT_EQ(halideMaker().make(spec, first).artifact.bytes, halideMaker().make(spec, target).artifact.bytes)
        << spec.text() << first.name;
  }
}

int count(const std::string &text, const std::string &pattern) {
  std::regex expression("\\s" + pattern + "\\s");
  return int(
      std::distance(std::sregex_iterator(text.begin(), text.end(), expression), std::sregex_iterator()));
}

TEST_P(EveryTarget, QuantizedProductsUseTheWidestInstruction) {
  for (std::string scheme : {"q8_0", "q4_0"})
    for (int64_t tokens : {0, 1}) {
      SCOPED_TRACE(scheme + (tokens ? ", one token" : ", many"));
      MadeKernel kernel = kernelAssembly(scheduled(linear(scheme, tokens), target), target);
      ASSERT_EQ(kernel.error, "");
      const std::string &text = kernel.artifact.bytes;
      bool x86 = target.mixedSigns8;
      if (target.matrixTiles8 && !tokens) {
        EXPECT_GE(count(text, "tdpbssd"), 1);
        EXPECT_EQ(count(text, "vpdpbusd"), 0);
      } else if (x86 && target.dotProduct8) {
        EXPECT_GE(count(text, "vpdpbusd"), 8);
        EXPECT_EQ(count(text, "vpmaddwd"), 0);
      } else if (x86 && scheme == "q4_0") {
        EXPECT_GE(count(text, "vpmaddubsw"), 8);
      } else if (x86) {
        EXPECT_GE(count(text, tokens ? "vpmaddwd" : "vpmaddubsw"), 8);
      } else if (target.dotProduct8) {
        EXPECT_GE(count(text, "sdot"), 32);
        EXPECT_EQ(count(text, "smull2?"), 0);
      } else {
        EXPECT_GE(count(text, "smull2?"), 32);
      }
      if (x86) { // registers as wide as the target's
        EXPECT_EQ(text.find("%zmm") != std::string::npos, target.vectorBytes == 64);
      }
    }
}

/// What the function's prologue takes of the stack.
int64_t frameOf(const std::string &assembly) {
  std::smatch found;
  if (std::regex_search(assembly, found, std::regex("subq\\s+\\$(\\d+), %rsp")))
    return std::stoll(found[1]);
  int64_t bytes = 0;
  std::regex part("sub\\s+(?:sp|x9), sp, #(\\d+)(, lsl #12)?|sub\\s+sp, (?:sp|x9), #(\\d+)()");
  for (std::sregex_iterator at(assembly.begin(), assembly.end(), part), end; at != end; ++at) {
    const std::smatch &match = *at;
    bytes += std::stoll(match[1].matched ? match[1] : match[3]) << (match[2].length() ? 12 : 0);
  }
  return bytes;
}

TEST_P(EveryTarget, StacksAreCounted) {
  std::vector<KernelSpec> specs = {linear("q4_0", 0, 4096), linear("q4_0", 1, 4096), linear("q8_0", 0, 4096)};
  for (std::string scheme : {"f16", "q8_0"})
    for (std::string family : {"cached_attention", "attention_spans"})
      for (auto [heads, dim, pairs] : {std::array{i(4), i(64), i(0)}, {16, 512, 0}, {16, 512, 64}}) {
        specs.push_back(attention(family, scheme, 0));
        specs.back().constants["heads"] = heads;
        specs.back().constants["dim"] = dim;
        if (pairs)
          specs.back().constants["pairs"] = pairs;
      }
  for (const KernelSpec &plain : specs) {
    KernelSpec spec = scheduled(plain, target);
    MadeKernel kernel = kernelAssembly(spec, target);
    ASSERT_EQ(kernel.error, "");
    int64_t counted = stackBytesOf(spec, target), frame = frameOf(kernel.artifact.bytes);
    EXPECT_GE(counted + 4096, frame) << spec.text();
    EXPECT_LE(counted, frame + frame / 3 + 4096) << spec.text();
  }
}

TEST_P(EveryTarget, AttentionMultipliesInt8NumbersAsIntegers) {
  for (std::string family : {"cached_attention", "attention_spans"})
    for (int64_t pairs : {0, 8}) {
      KernelSpec spec = attention(family, "q8_0", 0);
      if (pairs)
        spec.constants["pairs"] = pairs;
      MadeKernel kernel = kernelAssembly(scheduled(spec, target), target);
      ASSERT_EQ(kernel.error, "");
      const char *instruction = !target.pairProducts16 ? "fmla"
                                : target.dotProduct8   ? "vpdpwssd"
                                                       : "vpmaddwd";
      EXPECT_GE(count(kernel.artifact.bytes, instruction), 4) << spec.text();
    }
}

TEST_P(EveryTarget, FloatSumsAreFused) {
  for (std::string scheme : {"f32", "bf16"})
    for (int64_t tokens : {0, 1}) {
      MadeKernel kernel = kernelAssembly(scheduled(linear(scheme, tokens), target), target);
      ASSERT_EQ(kernel.error, "");
      EXPECT_GE(count(kernel.artifact.bytes, target.mixedSigns8 ? "vfmadd[0-9]+ps" : "fmla"), 4);
    }
}

INSTANTIATE_TEST_SUITE_P(Cross, EveryTarget, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Target &target : allTargets())
                             names.push_back(target.name);
                           return names;
                         }()),
                         [](const auto &info) {
                           return std::regex_replace(info.param, std::regex("-"), "_");
                         });

TEST(HalideMaker, MakesTheSameBytesOfTheSameSpecification) {
  const Target &target = allTargets()[0];
  for (const KernelSpec &plain : {linear("q4_0", 0), attention("cached_attention", "f16", 20)}) {
    KernelSpec spec = scheduled(plain, target);
    std::string first = halideMaker().make(spec, target).artifact.bytes;
    halideMaker().make(scheduled(linear("f32", 1), target),
                       target); // Halide counts its names through a process
    EXPECT_EQ(halideMaker().make(spec, target).artifact.bytes, first);
  }
}

// The disk of temporary files may be full, which would end the process.
TEST(HalideMaker, NeedsNoTemporaryFiles) {
  const Target &target = allTargets()[0];
  const char *before = getenv("TMPDIR");
  const std::string folder = before ? before : "";
  setenv("TMPDIR", "/dev/null/none", 1);
  for (const char *scheme : {"q8_0", "iq4_nl"}) { // whose numbers are calculated, and looked up in a table
    MadeKernel made = halideMaker().make(scheduled(linear(scheme, 1), target), target);
    EXPECT_EQ(made.error, "") << scheme;
    EXPECT_FALSE(made.artifact.bytes.empty()) << scheme;
  }
  before ? setenv("TMPDIR", folder.c_str(), 1) : unsetenv("TMPDIR");
}

TEST(HalideMaker, HasOneBuilderForEveryFamily) {
  std::vector<std::string> families;
  for (const KernelFamily &family : kernelFamilies())
    families.emplace_back(family.name);
  EXPECT_EQ(builtFamilies(), families);
}

TEST(KernelSpec, NamesAreReadableAndUnique) {
  std::set<std::string> names;
  for (const KernelSpec &spec : allSpecs())
    EXPECT_TRUE(names.insert(spec.symbol()).second) << spec.symbol();
  EXPECT_EQ(linear("q4_0", 0).symbol().rfind("linear_q4_0_96x40_", 0), 0u);
}

} // namespace
