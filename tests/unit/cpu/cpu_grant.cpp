// tests/unit/cpu/cpu_grant.cpp: limits of control groups are found, from files laid out as kernels and containers do.
#include "fake_root.hpp"

#include <weir/cpu/cpu_grant.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace weir;

namespace {

std::string const v2_mount = "24 1 0:21 / /proc rw - proc proc rw\n"
                             "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

} // namespace

TEST_CASE("a system without control groups limits nothing") {
    fake_root const root;
    auto const granted = read_cpu_grant(root.path());
    CHECK_FALSE(granted.quota.has_value());
    CHECK_FALSE(granted.cpus.has_value());
}

TEST_CASE("the quota of the process's own group is found, in version 2") {
    fake_root root;
    root.file("/proc/self/cgroup", "0::/app.slice/app.service\n").file("/proc/self/mountinfo", v2_mount);
    root.file("/sys/fs/cgroup/app.slice/app.service/cpu.max", "150000 100000\n");
    root.file("/sys/fs/cgroup/app.slice/app.service/cpuset.cpus.effective", "0-2,5\n");
    auto const granted = read_cpu_grant(root.path());
    CHECK(granted.quota == 1.5);
    CHECK(granted.cpus.value() == cpu_set{0, 1, 2, 5});
}

TEST_CASE("the least quota on the way up counts, as a parent binds its children") {
    fake_root root;
    root.file("/proc/self/cgroup", "0::/a/b/c\n").file("/proc/self/mountinfo", v2_mount);
    root.file("/sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n");
    root.file("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    root.file("/sys/fs/cgroup/a/cpu.max", "100000 50000\n");
    root.file("/sys/fs/cgroup/d/cpu.max", "1000 100000\n"); // a stranger's
    CHECK(read_cpu_grant(root.path()).quota == 2.0);
}

TEST_CASE("a quota of max is none") {
    fake_root root;
    root.file("/proc/self/cgroup", "0::/\n").file("/proc/self/mountinfo", v2_mount);
    root.file("/sys/fs/cgroup/cpu.max", "max 100000\n");
    CHECK_FALSE(read_cpu_grant(root.path()).quota.has_value());
}

TEST_CASE("a container with a namespace of its own sees its group at the mount") {
    fake_root root;
    root.file("/proc/self/cgroup", "0::/\n").file("/proc/self/mountinfo", v2_mount);
    root.file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    CHECK(read_cpu_grant(root.path()).quota == 0.5);
}

TEST_CASE("version 1 is read from the mounts of its controllers, shared ones too") {
    fake_root root;
    root.file("/proc/self/cgroup",
              "9:name=systemd:/x\n4:cpuset:/svc\n3:cpu,cpuacct:/svc/one\n2:cpuacct:/wrong\n0::/\n");
    root.file("/proc/self/mountinfo", "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                                      "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                                      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    root.file("/sys/fs/cgroup/cpu,cpuacct/svc/one/cpu.cfs_quota_us", "-1\n");
    root.file("/sys/fs/cgroup/cpu,cpuacct/svc/one/cpu.cfs_period_us", "100000\n");
    root.file("/sys/fs/cgroup/cpu,cpuacct/svc/cpu.cfs_quota_us", "300000\n");
    root.file("/sys/fs/cgroup/cpu,cpuacct/svc/cpu.cfs_period_us", "100000\n");
    root.file("/sys/fs/cgroup/cpuset/svc/cpuset.cpus", "0-3\n");
    root.file("/sys/fs/cgroup/cpuset/cpuset.cpus", "2-7\n");
    auto const granted = read_cpu_grant(root.path());
    CHECK(granted.quota == 3.0);
    CHECK(granted.cpus.value() == cpu_set{2, 3});
}

TEST_CASE("a mount that begins at the container's group is joined with the rest of the path") {
    fake_root root;
    root.file("/proc/self/cgroup", "3:cpu:/docker/abc/inner\n");
    root.file("/proc/self/mountinfo", "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu ro master:9 - cgroup cgroup rw,cpu\n");
    root.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n")
        .file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    root.file("/sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "250000\n");
    root.file("/sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000\n");
    CHECK(read_cpu_grant(root.path()).quota == 2.0);
}

TEST_CASE("a group that only shares the mount's first letters is not beneath it") {
    fake_root root;
    root.file("/proc/self/cgroup", "3:cpu:/docker/abcdef\n");
    root.file("/proc/self/mountinfo", "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
    root.file("/sys/fs/cgroup/cpu/def/cpu.cfs_quota_us", "100000\n")
        .file("/sys/fs/cgroup/cpu/def/cpu.cfs_period_us", "100000\n");
    root.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "700000\n")
        .file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    CHECK(read_cpu_grant(root.path()).quota == 7.0);
}

TEST_CASE("a path out of the namespace does not leave the mount") {
    fake_root root;
    root.file("/proc/self/cgroup", "0::/../../other\n").file("/proc/self/mountinfo", v2_mount);
    root.file("/sys/other/cpu.max", "1000 100000\n").file("/sys/fs/cgroup/cpu.max", "300000 100000\n");
    CHECK(read_cpu_grant(root.path()).quota == 3.0);
}

TEST_CASE("a mount point with a blank and a group with a colon are found") {
    fake_root root;
    root.file("/proc/self/cgroup", "0::/a:b\n");
    root.file("/proc/self/mountinfo", "29 22 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
    root.file("/my groups/a:b/cpu.max", "250000 100000\n");
    CHECK(read_cpu_grant(root.path()).quota == 2.5);
}

TEST_CASE("files that make no sense limit nothing") {
    for (char const* const text : {"", "\n", "max\n", "100000\n", "x 100000\n", "100000 0\n", "-5 100000\n",
                                   "0 100000\n", "1e5 100000\n", "99999999999999999999 100000\n"}) {
        INFO(text);
        fake_root root;
        root.file("/proc/self/cgroup", "0::/\n:::\nrubbish\n\n")
            .file("/proc/self/mountinfo", "rubbish\n - \n\n" + v2_mount);
        root.file("/sys/fs/cgroup/cpu.max", text).file("/sys/fs/cgroup/cpuset.cpus.effective", "zero\n");
        auto const granted = read_cpu_grant(root.path());
        CHECK_FALSE(granted.quota.has_value());
        CHECK_FALSE(granted.cpus.has_value());
    }
}

TEST_CASE("an empty cpuset inherits instead of granting none") {
    fake_root root;
    root.file("/proc/self/cgroup", "0::/a\n").file("/proc/self/mountinfo", v2_mount);
    root.file("/sys/fs/cgroup/a/cpuset.cpus.effective", "\n").file("/sys/fs/cgroup/cpuset.cpus.effective", "1-2\n");
    CHECK(read_cpu_grant(root.path()).cpus.value() == cpu_set{1, 2});
}

TEST_CASE("this machine's own files are read without trouble") {
    auto const granted = read_cpu_grant();
    CHECK((!granted.quota || *granted.quota > 0));
    CHECK((!granted.cpus || !granted.cpus->empty()));
}
