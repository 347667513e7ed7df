#include "runtime/platform/Platform.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemmac::platform;

namespace {

Feature feature(const char *name) {
  return cpuFeature(name, strlen(name));
}

TEST(Platform, KnowsTheCpusFeatures) {
#if defined(__x86_64__)
  EXPECT_EQ(feature("sse2"), Feature::present);
  EXPECT_EQ(feature("avx2"), __builtin_cpu_supports("avx2") ? Feature::present : Feature::absent);
  EXPECT_EQ(feature("fma"), __builtin_cpu_supports("fma") ? Feature::present : Feature::absent);
  EXPECT_EQ(feature("avx512f"), __builtin_cpu_supports("avx512f") ? Feature::present : Feature::absent);
  EXPECT_EQ(feature("avx512vnni"), __builtin_cpu_supports("avx512vnni") ? Feature::present : Feature::absent);
  EXPECT_EQ(feature("asimddp"), Feature::unknown);
#elif defined(__aarch64__)
  EXPECT_EQ(feature("neon"), Feature::present);
  EXPECT_EQ(feature("avx2"), Feature::unknown);
#endif
  EXPECT_EQ(feature("avx"), feature("avx")) << "a name is compared as a whole";
  EXPECT_EQ(feature("av"), Feature::unknown);
  EXPECT_EQ(feature(""), Feature::unknown);
}

TEST(Platform, SaysWhyAFileCannotBeMapped) {
  MappedFile file;
  EXPECT_STREQ(mapFile("/nowhere/at.all", file), strerror(ENOENT));
  EXPECT_STREQ(mapFile("/", file), "is a directory, not a file");
  EXPECT_STREQ(mapFile("/dev/null", file), "is no regular file");
  EXPECT_STREQ(mapFile("/dev/zero", file), "is no regular file");
}

// Opening one for reading waits for somebody who opens it for writing.
TEST(Platform, APipeIsRefusedAtOnce) {
  const std::string pipe = testing::TempDir() + "platform-" + std::to_string(getpid()) + ".pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  MappedFile file;
  EXPECT_STREQ(mapFile(pipe.c_str(), file), "is no regular file");
  EXPECT_EQ(file.bytes, nullptr);
  unlink(pipe.c_str());
}

TEST(Platform, HasACpu) {
  EXPECT_GE(cpuCount(), 1u);
}

} // namespace
