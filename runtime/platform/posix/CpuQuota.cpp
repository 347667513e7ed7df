//===- CpuQuota.cpp - the CPU time that control groups grant --------------------------------------------===//
// Containers are limited by a quota rather than by a mask of CPUs. The files are described in cgroups(7) and
// proc_pid_mountinfo(5), and in the kernel's cgroup-v2.rst (cpu.max) and sched-bwc.rst (cpu.cfs_quota_us).

#include "runtime/platform/posix/CpuQuota.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace gemmac::platform {
namespace {

constexpr size_t kPathBytes = 1024; // groups with longer paths are taken to have no limit

/// The lines of a file. Of one that is longer than the buffer only the beginning is seen.
class Lines {
public:
  Lines(const char *root, const char *path) {
    char name[4 * kPathBytes];
    if (static_cast<size_t>(snprintf(name, sizeof(name), "%s%s", root, path)) < sizeof(name))
      descriptor = open(name, O_RDONLY | O_CLOEXEC);
  }
  ~Lines() {
    if (descriptor >= 0)
      close(descriptor);
  }
  Lines(const Lines &) = delete;
  Lines &operator=(const Lines &) = delete;

  /// Null at the end.
  char *next() {
    bool isWhole = false;
    size_t length = 0;
    for (char c; !isWhole && get(c);) {
      isWhole = c == '\n';
      if (!isWhole && length < sizeof(line) - 1)
        line[length++] = c;
    }
    line[length] = 0;
    return isWhole || length ? line : nullptr;
  }

private:
  bool get(char &c) {
    if (at == filled) {
      ssize_t got = 0;
      do
        got = descriptor < 0 ? 0 : read(descriptor, buffer, sizeof(buffer));
      while (got < 0 && errno == EINTR);
      if (got <= 0)
        return false;
      at = 0;
      filled = static_cast<size_t>(got);
    }
    c = buffer[at++];
    return true;
  }

  int descriptor = -1;
  size_t at = 0, filled = 0;
  char buffer[512], line[2 * kPathBytes];
};

/// Cuts the next word off a text; null if there is none.
char *cutWord(char *&text, char end) {
  if (!text)
    return nullptr;
  char *word = text;
  text = strchr(text, end);
  if (text)
    *text++ = 0;
  return word;
}

/// Is it one of "rw,cpu,cpuacct"?
bool isListed(const char *list, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = list; at; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == 0))
      return true;
  }
  return false;
}

/// "\040" is a blank in a mount's path.
void unescape(char *path) {
  char *to = path;
  for (const char *from = path; *from; ++to) {
    const bool escaped = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                         from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
    *to = escaped ? static_cast<char>((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0')) : *from;
    from += escaped ? 4 : 1;
  }
  *to = 0;
}

/// A number above 0 that a text begins with; 0 if it begins with none ("max", "-1").
uint64_t positive(const char *text) {
  if (!text || *text < '0' || *text > '9')
    return 0;
  return strtoull(text, nullptr, 10); // ULLONG_MAX where it is too large: no limit either
}

/// Where the hierarchy of the CPU controller is mounted: version 1 or 2.
struct Hierarchy {
  bool second = false;
  char root[kPathBytes];  ///< the group that is mounted
  char place[kPathBytes]; ///< where
};

/// "31 23 0:28 ROOT PLACE rw,relatime shared:1 - cgroup2 SOURCE rw,nsdelegate"; false if it is of anything
/// else.
bool parseMount(char *line, Hierarchy &hierarchy) {
  for (int i = 0; i < 3; ++i)
    cutWord(line, ' ');
  char *root = cutWord(line, ' '), *place = cutWord(line, ' ');
  char *behind = line ? strstr(line, " - ") : nullptr;
  if (!behind)
    return false;
  behind += 3;
  const char *type = cutWord(behind, ' ');
  cutWord(behind, ' ');
  hierarchy.second = strcmp(type, "cgroup2") == 0;
  if (!hierarchy.second && !(strcmp(type, "cgroup") == 0 && behind && isListed(behind, "cpu")))
    return false;
  unescape(root);
  unescape(place);
  if (strlen(root) >= kPathBytes || strlen(place) >= kPathBytes)
    return false;
  strcpy(hierarchy.root, strcmp(root, "/") == 0 ? "" : root);
  strcpy(hierarchy.place, place);
  return true;
}

/// The group of this process, "0::PATH" or "4:cpu,cpuacct:PATH", as a path below what is mounted: "" for that
/// itself. False if it is not there.
bool findGroup(const char *root, const Hierarchy &hierarchy, char *group) {
  Lines lines(root, "/proc/self/cgroup");
  while (char *line = lines.next()) {
    const char *number = cutWord(line, ':'), *controllers = cutWord(line, ':'), *path = line;
    if (!path ||
        (hierarchy.second ? strcmp(number, "0") != 0 || *controllers : !isListed(controllers, "cpu")))
      continue;
    const size_t above = strlen(hierarchy.root);
    if (strncmp(path, hierarchy.root, above) != 0 || (path[above] && path[above] != '/'))
      return false;
    path += above;
    // A process outside of its own view of the groups: what is mounted is the nearest that it sees.
    const bool outside = strstr(path, "/..") != nullptr;
    if (strlen(path) >= kPathBytes)
      return false;
    strcpy(group, outside || strcmp(path, "/") == 0 ? "" : path);
    return true;
  }
  return false;
}

/// Both are microseconds; 0: no limit.
uint32_t cpusOf(uint64_t quota, uint64_t period) {
  if (quota == 0 || period == 0 || quota / period >= UINT32_MAX)
    return UINT32_MAX;
  return quota < period ? 1 : static_cast<uint32_t>(quota / period);
}

uint32_t cpusOfGroup(const char *root, const char *folder, bool second) {
  char path[2 * kPathBytes + 32];
  auto file = [&](const char *name) {
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
  };
  if (second) {
    Lines lines(root, file("cpu.max"));
    char *line = lines.next();
    const char *quota = cutWord(line, ' ');
    return cpusOf(positive(quota), positive(line));
  }
  Lines quota(root, file("cpu.cfs_quota_us")), period(root, file("cpu.cfs_period_us"));
  return cpusOf(positive(quota.next()), positive(period.next()));
}

} // namespace

uint32_t cpusOfQuota(const char *root) {
  uint32_t least = UINT32_MAX;
  Lines mounts(root, "/proc/self/mountinfo");
  while (char *line = mounts.next()) {
    Hierarchy hierarchy;
    char group[kPathBytes];
    if (!parseMount(line, hierarchy) || !findGroup(root, hierarchy, group))
      continue;
    // From the group itself up to what is mounted.
    for (char *end = group + strlen(group); end;) {
      *end = 0;
      char folder[2 * kPathBytes];
      snprintf(folder, sizeof(folder), "%s%s", hierarchy.place, group);
      const uint32_t cpus = cpusOfGroup(root, folder, hierarchy.second);
      least = cpus < least ? cpus : least;
      end = strrchr(group, '/');
    }
  }
  return least;
}

} // namespace gemmac::platform
