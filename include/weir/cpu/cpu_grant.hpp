// weir/cpu/cpu_grant.hpp: how much of the machine's CPUs the control groups of this process leave to it.
// Source:   cgroups(7), cpuset(7), and the kernel's cgroup-v2.rst ("CPU") and sched-bwc.rst.
#pragma once

#include <weir/cpu/cpu_set.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace weir {

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

// The whole file; none where it cannot be read. A file that the kernel writes has no size, so it is read to its end.
inline std::optional<std::string> read_text(std::string const& path) {
    struct closer {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, closer> const file{std::fopen(path.c_str(), "re")};
    if (!file) return std::nullopt;
    std::string text;
    char piece[4096];
    while (auto const size = std::fread(piece, 1, sizeof piece, file.get())) text.append(piece, size);
    if (std::ferror(file.get())) return std::nullopt; // a directory opens, and fails here
    return text;
}

// Takes what stands before the next `end` off the front of `text`, and the mark with it.
inline std::string_view take_until(std::string_view& text, char end) noexcept {
    auto const at = std::min(text.find(end), text.size());
    auto const taken = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return taken;
}

inline std::optional<long long> to_number(std::string_view text) noexcept {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    long long value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

inline bool lists(std::string_view comma_list, std::string_view word) noexcept {
    while (!comma_list.empty())
        if (take_until(comma_list, ',') == word) return true;
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
        auto line = take_until(mountinfo, '\n');
        // 36 35 98:0 /top /point rw,noatime master:1 - cgroup cgroup rw,cpu,cpuacct
        auto const dash = line.find(" - ");
        if (dash == line.npos) continue;
        auto type = line.substr(dash + 3);
        for (int skipped = 0; skipped < 3; ++skipped) take_until(line, ' ');
        auto const top = take_until(line, ' ');
        auto const point = take_until(line, ' ');
        auto const kind = take_until(type, ' ');
        take_until(type, ' ');
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
    auto const quota = to_number(time);
    auto const length = to_number(period);
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
    if (auto const max = read_text(folder + "/cpu.max")) {
        std::string_view text = *max;
        auto const time = take_until(text, ' ');
        limit_by_quota(granted, time, text);
    }
    if (auto const cpus = read_text(folder + "/cpuset.cpus.effective")) limit_by_cpus(granted, *cpus);
}

} // namespace detail

inline cpu_grant read_cpu_grant(std::string const& root) {
    cpu_grant granted;
    auto const groups = detail::read_text(root + "/proc/self/cgroup");
    auto const mounts = detail::read_text(root + "/proc/self/mountinfo");
    if (!groups || !mounts) return granted;
    auto const up = [&](std::string_view controller, std::string_view group, auto const& visit) {
        if (auto const mount = detail::find_cgroup_mount(*mounts, controller))
            detail::for_each_group_up(root, *mount, group, visit);
    };
    std::string_view rest = *groups;
    while (!rest.empty()) {
        auto group = detail::take_until(rest, '\n'); // 4:cpu,cpuacct:/path, and 0::/path for version 2
        detail::take_until(group, ':');
        auto const controllers = detail::take_until(group, ':');
        if (controllers.empty())
            up("", group, [&](std::string const& folder) { detail::apply_group_v2(granted, folder); });
        if (detail::lists(controllers, "cpu"))
            up("cpu", group, [&](std::string const& folder) {
                auto const time = detail::read_text(folder + "/cpu.cfs_quota_us");
                auto const period = detail::read_text(folder + "/cpu.cfs_period_us");
                if (time && period) detail::limit_by_quota(granted, *time, *period);
            });
        if (detail::lists(controllers, "cpuset"))
            up("cpuset", group, [&](std::string const& folder) {
                auto cpus = detail::read_text(folder + "/cpuset.effective_cpus");
                if (!cpus) cpus = detail::read_text(folder + "/cpuset.cpus");
                if (cpus) detail::limit_by_cpus(granted, *cpus);
            });
    }
    return granted;
}

} // namespace weir
