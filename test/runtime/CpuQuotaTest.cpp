// Quotas of control groups, in folders that look like the system's.

#include "TestPackage.h"

#include "runtime/platform/posix/CpuQuota.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace gemmac;

namespace {

constexpr uint32_t kNoLimit = UINT32_MAX;
const char kDisk[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n";

struct CpuQuota : testing::Test {
  void write(const std::string &path, const std::string &text) {
    const std::filesystem::path file = root + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  /// A process in a group of version 2, which is mounted at /sys/fs/cgroup.
  void second(const std::string &group, const std::string &mounted = "/") {
    write("/proc/self/cgroup", "0::" + group + "\n");
    write("/proc/self/mountinfo",
          kDisk + ("30 22 0:26 " + mounted + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"));
  }
  /// The same of version 1, of the controllers cpu and cpuacct.
  void first(const std::string &group, const std::string &mounted = "/") {
    write("/proc/self/cgroup", "12:memory:/wrong\n4:cpuacct,cpu:" + group + "\n1:name=systemd:/x\n0::/\n");
    write("/proc/self/mountinfo", "31 22 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
                                      ("32 22 0:28 " + mounted) +
                                      " /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpuacct,cpu\n" + kDisk);
  }
  void quota(const std::string &group, const std::string &microseconds,
             const std::string &period = "100000") {
    write("/sys/fs/cgroup/cpu" + group + "/cpu.cfs_quota_us", microseconds + "\n");
    write("/sys/fs/cgroup/cpu" + group + "/cpu.cfs_period_us", period + "\n");
  }
  uint32_t cpus() const { return platform::cpusOfQuota(root.c_str()); }

  test::TemporaryFolder folder;
  const std::string root = folder.path.string();
};

TEST_F(CpuQuota, NoGroupsNoLimit) {
  EXPECT_EQ(cpus(), kNoLimit);
  write("/proc/self/cgroup", "0::/\n");
  write("/proc/self/mountinfo", kDisk);
  EXPECT_EQ(cpus(), kNoLimit);
}

TEST_F(CpuQuota, OfVersion2IsRoundedDownToOneAtLeast) {
  second("/box");
  for (auto [text, expected] : std::initializer_list<std::pair<const char *, uint32_t>>{
           {"max 100000\n", kNoLimit},
           {"50000 100000\n", 1},
           {"100000 100000\n", 1},
           {"199999 100000\n", 1},
           {"350000 100000\n", 3},
           {"20000 5000\n", 4},
           {"1000 100000", 1},
           {"", kNoLimit},
           {"many 100000\n", kNoLimit},
           {"50000\n", kNoLimit},
           {"50000 0\n", kNoLimit},
           {"99999999999999999999999999 1\n", kNoLimit}}) {
    write("/sys/fs/cgroup/box/cpu.max", text);
    EXPECT_EQ(cpus(), expected) << text;
  }
}

TEST_F(CpuQuota, OfVersion1) {
  first("/docker/4f2a");
  quota("/docker/4f2a", "-1");
  EXPECT_EQ(cpus(), kNoLimit);
  quota("/docker/4f2a", "250000");
  EXPECT_EQ(cpus(), 2u);
  quota("/docker/4f2a", "50000");
  EXPECT_EQ(cpus(), 1u);
}

TEST_F(CpuQuota, TheLeastOfAllGroupsAboveHolds) {
  second("/slice/pod/box");
  write("/sys/fs/cgroup/slice/pod/box/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/slice/pod/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpus(), 3u);
  write("/sys/fs/cgroup/slice/cpu.max", "200000 100000\n");
  EXPECT_EQ(cpus(), 2u);
  write("/sys/fs/cgroup/slice/pod/box/cpu.max", "800000 100000\n");
  EXPECT_EQ(cpus(), 2u);
  write("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpus(), 1u) << "what is mounted, which in a container has a limit";

  first("/a/b");
  quota("/a/b", "700000");
  quota("/a", "500000");
  quota("", "-1");
  std::filesystem::remove(root + "/sys/fs/cgroup/cpu.max");
  EXPECT_EQ(cpus(), 5u);
}

// A container sees its own group as what is mounted, and its path as the host does.
TEST_F(CpuQuota, OfAMountedGroup) {
  first("/docker/4f2a", "/docker/4f2a");
  quota("", "400000");
  EXPECT_EQ(cpus(), 4u);
  first("/docker/4f2a/job", "/docker/4f2a");
  quota("/job", "200000");
  EXPECT_EQ(cpus(), 2u);
  first("/docker/4f2ab", "/docker/4f2a");
  EXPECT_EQ(cpus(), kNoLimit) << "another group, whose name begins alike";
}

TEST_F(CpuQuota, OfAProcessOutsideOfWhatItSees) {
  second("/../other");
  write("/sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpus(), 3u);
}

TEST_F(CpuQuota, BothVersionsAtOnce) {
  first("/a");
  quota("/a", "600000");
  write("/proc/self/mountinfo", "32 22 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                                "33 22 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(cpus(), 6u);
  write("/sys/fs/cgroup/unified/cpu.max", "200000 100000\n");
  EXPECT_EQ(cpus(), 2u);
}

TEST_F(CpuQuota, OddFiles) {
  const std::string longLine =
      "40 22 0:40 / /overlay rw - overlay overlay rw,lowerdir=" + std::string(100000, 'x') + "\n";
  write("/proc/self/cgroup", "\n:\n::\n5\n0:\n0::/box");
  write("/proc/self/mountinfo",
        longLine + "\n1 2 3\n - \n" + longLine + "30 22 0:26 / /sys/fs/a\\040b rw - cgroup2 cgroup2 rw");
  write("/sys/fs/a b/box/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpus(), 3u);
  write("/proc/self/cgroup", "0::/" + std::string(5000, 'y') + "\n");
  EXPECT_EQ(cpus(), kNoLimit);
}

} // namespace
