// weir/cpu/cpu_grant.hpp: how much of the machine's CPUs the control groups of this process leave to it.
// Source:   cgroups(7), cpuset(7), and the kernel's cgroup-v2.rst ("CPU") and sched-bwc.rst.
#pragma once

#include <weir/cpu/cpu_set.hpp>
#include <weir/cpu/system_text.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace weir::inline v0 {

// What the control groups of this process grant it. A limit binds all below it, so the least on the way up counts.
struct cpu_grant {
    // CPUs' worth of time, such as 1.5; none where there is no limit.
    std::optional<double> quota;
    // The CPUs that may be used; none where that is not said.
    std::optional<cpu_set> cpus;
};

// Reads /proc/self/cgroup and /proc/self/mountinfo and the groups' files, versions 1 and 2, each below `root`. What is
// absent or cannot be understood limits nothing.
cpu_grant read_cpu_grant(std::string const& root = {});

namespace detail {

inline bool lists(std::string_view comma_list, std::string_view word) noexcept {
    while (!comma_list.empty())
        if (system_text::take_until(comma_list, ',') == word) return true;
    return false;
}

// A path of mountinfo, in which blanks and backslashes stand as three octal digits.
inline std::string unescape_mount(std::string_view text) {
    std::string out;
    auto const octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 3 < text.size() && octal(text[at + 1]) && octal(text[at + 2]) &&
            octal(text[at + 3])) {
            out += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
            at += 3;
        } else {
            out += text[at];
        }
    }
    return out;
}

// Where a hierarchy of groups can be seen: the group `top` stands at the folder `point`.
struct cgroup_mount {
    std::string top;
    std::string point;
};

// The mount of version 2 where `controller` is empty, else of version 1 with that controller.
inline std::optional<cgroup_mount> find_cgroup_mount(std::string_view mountinfo, std::string_view controller) {
    while (!mountinfo.empty()) {
        auto line = system_text::take_until(mountinfo, '\n');
        // 36 35 98:0 /top /point rw,noatime master:1 - cgroup cgroup rw,cpu,cpuacct
        auto const dash = line.find(" - ");
        if (dash == line.npos) continue;
        auto type = line.substr(dash + 3);
        for (int skipped = 0; skipped < 3; ++skipped) system_text::take_until(line, ' ');
        auto const top = system_text::take_until(line, ' ');
        auto const point = system_text::take_until(line, ' ');
        auto const kind = system_text::take_until(type, ' ');
        system_text::take_until(type, ' ');
        if (controller.empty() ? kind == "cgroup2" : kind == "cgroup" && lists(type, controller))
            return cgroup_mount{unescape_mount(top), unescape_mount(point)};
    }
    return std::nullopt;
}

// Calls `visit(folder)` for the process's group and each above it, up to the mount.
template <class Visit>
void for_each_group_up(std::string const& root, cgroup_mount const& mount, std::string_view group, Visit const& visit) {
    // Within a container the path may be told from the host's top, and the mount begin at the container's group.
    auto const top = mount.top == "/" ? std::string_view{} : std::string_view{mount.top};
    if (group.starts_with(top) && (group.size() == top.size() || group[top.size()] == '/'))
        group.remove_prefix(top.size());
    else group = {};
    // A process outside its namespace's top is told "/../other", which the mount does not show.
    if (group.find("/..") != group.npos) group = {};
    auto const base = root + mount.point;
    while (true) {
        while (!group.empty() && group.back() == '/') group.remove_suffix(1);
        visit(base + std::string(group));
        if (group.empty()) return;
        group = group.substr(0, group.rfind('/'));
    }
}

// Time in each period; both versions tell it in microseconds, and without a limit as "max" or as -1.
inline void limit_by_quota(cpu_grant& granted, std::string_view time, std::string_view period) {
    auto const quota = system_text::to_number(time);
    auto const length = system_text::to_number(period);
    if (!quota || !length || *quota <= 0 || *length <= 0) return;
    auto const cpus = static_cast<double>(*quota) / static_cast<double>(*length);
    granted.quota = granted.quota ? std::min(*granted.quota, cpus) : cpus;
}

inline void limit_by_cpus(cpu_grant& granted, std::string_view list) {
    auto const cpus = cpu_set::parse(list);
    // A group that names none inherits those above it.
    if (!cpus || cpus->empty()) return;
    granted.cpus = granted.cpus ? *granted.cpus & *cpus : *cpus;
}

inline void apply_group_v2(cpu_grant& granted, std::string const& folder) {
    if (auto const max = system_text::read(folder + "/cpu.max")) {
        std::string_view text = *max;
        auto const time = system_text::take_until(text, ' ');
        limit_by_quota(granted, time, text);
    }
    if (auto const cpus = system_text::read(folder + "/cpuset.cpus.effective")) limit_by_cpus(granted, *cpus);
}

} // namespace detail

inline cpu_grant read_cpu_grant(std::string const& root) {
    cpu_grant granted;
    auto const groups = system_text::read(root + "/proc/self/cgroup");
    auto const mounts = system_text::read(root + "/proc/self/mountinfo");
    if (!groups || !mounts) return granted;
    auto const up = [&](std::string_view controller, std::string_view group, auto const& visit) {
        if (auto const mount = detail::find_cgroup_mount(*mounts, controller))
            detail::for_each_group_up(root, *mount, group, visit);
    };
    std::string_view rest = *groups;
    while (!rest.empty()) {
        auto group = system_text::take_until(rest, '\n'); // 4:cpu,cpuacct:/path, and 0::/path for version 2
        system_text::take_until(group, ':');
        auto const controllers = system_text::take_until(group, ':');
        if (controllers.empty())
            up("", group, [&](std::string const& folder) { detail::apply_group_v2(granted, folder); });
        if (detail::lists(controllers, "cpu"))
            up("cpu", group, [&](std::string const& folder) {
                auto const time = system_text::read(folder + "/cpu.cfs_quota_us");
                auto const period = system_text::read(folder + "/cpu.cfs_period_us");
                if (time && period) detail::limit_by_quota(granted, *time, *period);
            });
        if (detail::lists(controllers, "cpuset"))
            up("cpuset", group, [&](std::string const& folder) {
                auto cpus = system_text::read(folder + "/cpuset.effective_cpus");
                if (!cpus) cpus = system_text::read(folder + "/cpuset.cpus");
                if (cpus) detail::limit_by_cpus(granted, *cpus);
            });
    }
    return granted;
}

} // namespace weir
