/* How many processors this process may really use. A container with a quota of one processor on a
   machine of 64 shows 64 in its affinity mask; 64 threads there are throttled most of the time. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "wane_pool.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Processors in the affinity mask. */
static int wane_cpu_count_affinity(void) {
#if defined(__linux__)
  cpu_set_t set; /* 1024 processors; the call fails on larger machines */
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    int count = CPU_COUNT(&set);
    if (count > 0) return count;
  }
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : online > 1024 ? 1024 : (int)online;
}

static int wane_cpu_count_divide(long long quota, long long period, int limit) {
  if (quota <= 0 || period <= 0) return limit;
  long long processors = (quota + period - 1) / period;
  return processors < limit ? (int)processors : limit;
}

/* cpu.max of one cgroup v2 directory: "max 100000" or "150000 100000". */
static int wane_cpu_count_v2(const char *directory, int limit) {
  char path[4352], text[64];
  if (snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", directory) >= (int)sizeof path)
    return limit;
  FILE *file = fopen(path, "re");
  if (!file) return limit;
  long long quota, period;
  if (fgets(text, sizeof text, file) && sscanf(text, "%lld %lld", &quota, &period) == 2)
    limit = wane_cpu_count_divide(quota, period, limit);
  fclose(file);
  return limit;
}

static long long wane_cpu_count_read(const char *path) {
  long long value = -1;
  FILE *file = fopen(path, "re");
  if (!file) return -1;
  if (fscanf(file, "%lld", &value) != 1) value = -1;
  fclose(file);
  return value;
}

/* The quota of the cgroup of this process and of every group above it. */
static int wane_cpu_count_quota(int limit) {
#if defined(__linux__)
  char line[4096];
  FILE *file = fopen("/proc/self/cgroup", "re");
  if (file) {
    while (fgets(line, sizeof line, file)) {
      if (strncmp(line, "0::/", 4)) continue;
      line[strcspn(line, "\n")] = 0;
      char *directory = line + 3;
      for (;;) {
        limit = wane_cpu_count_v2(strcmp(directory, "/") ? directory : "", limit);
        char *slash = strrchr(directory, '/');
        if (!slash || slash == directory) break;
        *slash = 0;
      }
    }
    fclose(file);
  }
  limit = wane_cpu_count_v2("", limit); /* inside a cgroup namespace this is our own group */
  limit = wane_cpu_count_divide(wane_cpu_count_read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
                                wane_cpu_count_read("/sys/fs/cgroup/cpu/cpu.cfs_period_us"), limit);
#endif
  return limit;
}

int wane_cpu_count(void) {
  int count = wane_cpu_count_quota(wane_cpu_count_affinity());
  return count < 1 ? 1 : count;
}
