// examples/postgres/conninfo.cpp: reading settings, and hosts into addresses.
#include "conninfo.hpp"

#include <algorithm>
#include <libpq-fe.h>
#include <memory>
#include <stdexcept>

namespace postgres {

namespace {

struct free_options {
    void operator()(PQconninfoOption* all) const noexcept { PQconninfoFree(all); }
};
using options = std::unique_ptr<PQconninfoOption, free_options>;

// What libpq would take where nothing is given: the environment, or what it was built with.
std::string default_of(std::string_view key) {
    options const all{PQconndefaults()};
    for (auto const* one = all.get(); one && one->keyword; ++one)
        if (key == one->keyword && one->val) return one->val;
    return {};
}

std::vector<std::string> parts_of(std::string_view list) {
    std::vector<std::string> parts;
    for (;;) {
        auto const comma = list.find(',');
        parts.emplace_back(list.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        list.remove_prefix(comma + 1);
    }
}

bool is_path(std::string_view host) noexcept { return host.empty() || host.front() == '/' || host.front() == '@'; }

// An address without its port, as libpq's hostaddr wants it.
std::string host_of(weir::net::address const& at) {
    std::string text = at.to_string();
    text.resize(text.rfind(':'));
    if (!text.empty() && text.front() == '[') text = text.substr(1, text.size() - 2);
    return text;
}

void append(std::string& list, std::string_view part, bool first) {
    if (!first) list += ',';
    list += part;
}

} // namespace

conninfo::conninfo(std::string const& text) {
    char* words = nullptr;
    options const all{PQconninfoParse(text.c_str(), &words)};
    std::unique_ptr<char, void (*)(void*)> const owned{words, &PQfreemem};
    if (!all) throw std::invalid_argument(words ? words : "the settings of a connection cannot be read: no memory");
    for (auto const* one = all.get(); one->keyword; ++one)
        if (one->val) settings_.emplace_back(one->keyword, one->val);
}

std::string_view conninfo::get(std::string_view key) const noexcept {
    for (auto const& [name, value] : settings_)
        if (name == key) return value;
    return {};
}

void conninfo::set(std::string_view key, std::string value) {
    for (auto& [name, old] : settings_)
        if (name == key) {
            old = std::move(value);
            return;
        }
    settings_.emplace_back(key, std::move(value));
}

weir::task<weir::result<conninfo>> conninfo::resolved(weir::net::resolver& names) const {
    conninfo found = *this;
    std::string const host = get("host").empty() ? default_of("host") : std::string{get("host")};
    bool const has_addresses = !get("hostaddr").empty() || !default_of("hostaddr").empty();
    if (has_addresses || host.empty()) co_return found;
    auto const hosts = parts_of(host);
    auto const ports = parts_of(get("port").empty() ? default_of("port") : get("port"));
    std::string all_hosts, all_addresses, all_ports;
    bool first = true;
    for (std::size_t n = 0; n < hosts.size(); ++n) {
        auto const& port = ports[std::min(n, ports.size() - 1)]; // a single one is good for all
        std::vector<std::string> addresses{""};
        if (!is_path(hosts[n])) {
            auto const known = co_await names.resolve(hosts[n], std::string{});
            if (!known) co_return known.error();
            addresses.clear();
            for (auto const& each : *known) addresses.push_back(host_of(each));
        }
        for (auto const& each : addresses) {
            append(all_hosts, hosts[n], first);
            append(all_addresses, each, first);
            append(all_ports, port, first);
            first = false;
        }
    }
    found.set("host", std::move(all_hosts)); // kept beside the addresses, for certificates are made out to names
    found.set("hostaddr", std::move(all_addresses));
    found.set("port", std::move(all_ports));
    co_return found;
}

std::vector<char const*> conninfo::keywords() const {
    std::vector<char const*> all;
    for (auto const& each : settings_) all.push_back(each.first.c_str());
    all.push_back(nullptr);
    return all;
}

std::vector<char const*> conninfo::values() const {
    std::vector<char const*> all;
    for (auto const& each : settings_) all.push_back(each.second.c_str());
    all.push_back(nullptr);
    return all;
}

} // namespace postgres
