// weir/net/resolve.hpp: the addresses of a host's name, as the system finds them: /etc/hosts, DNS, and what else it asks.
//     net::resolver names;
//     auto const found = co_await names.resolve("localhost", "http");
//     ...
//     co_await names.close();
// The system's call blocks, for seconds where a name server is silent, so it runs on the blocking pool; those who ask for
// one name at a time share one call.
// Not:      a cache: the next one asks anew, so that the answer is as fresh as the system's own caches keep it.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/net/address.hpp>
#include <weir/net/resolve_errc.hpp>
#include <weir/runtime/blocking.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <netdb.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace weir::inline v0::net {

class name_query {
public:
    name_query(std::string of, std::string port, int wanted = AF_UNSPEC)
        : host{std::move(of)}, service{std::move(port)}, family{wanted} {}
    std::string host;    // a name, or an address without brackets
    std::string service; // a port's number, or a name of /etc/services; empty for port 0
    int family;          // AF_INET, AF_INET6, or AF_UNSPEC for both

    bool operator==(name_query const&) const = default;
};

// Asks the system, and blocks.
// Errors: a resolve_errc; where the call tells no more than that the system failed, its errno.
// Order:  as getaddrinfo(3) sorts them (RFC 6724), each address once.
result<std::vector<address>> blocking_resolve(name_query const& what);
// The answer to what need not be asked, because host and service are numbers; nothing for a name.
std::optional<result<std::vector<address>>> resolve_numeric(name_query const& what);

class resolver : immovable {
public:
    using look_up = result<std::vector<address>> (*)(name_query const&);

    // `ask` is called on the blocking pool, on several threads at a time.
    explicit resolver(look_up ask = &blocking_resolve, coalescer_options options = {})
        : flights_{[ask](name_query const& what) -> task<result<std::vector<address>>> {
                       co_return co_await blocking(ask, what);
                   },
                   options} {}
    // Needs: closed, unless nobody has asked.
    ~resolver() = default;

    // Returns: at least one address, with the port of the service.
    // Errors:  a resolve_errc; those of coalescer::get and of blocking.
    // Cancel:  leaves alone; the look-up goes on for the others. With the last one it is withdrawn, or its answer is
    //          dropped: once begun, the system's call cannot be stopped.
    // Needs:   as coalescer::get: the runtime that asks to outlive the look-up, unless the options name an executor.
    // Cost:    numbers are answered at once, without a thread.
    task<result<std::vector<address>>> resolve(name_query what);
    task<result<std::vector<address>>> resolve(std::string host, std::string service) {
        return resolve(name_query{std::move(host), std::move(service)});
    }

    // As coalescer::close: turns all away with errc::closed, and ends when no call is under way.
    task<> close() { return flights_.close(); }
    coalescer_figures figures() const noexcept { return flights_.figures(); }

private:
    struct query_hash {
        std::size_t operator()(name_query const& of) const noexcept {
            std::hash<std::string_view> const text;
            return text(of.host) * 31 + text(of.service) + static_cast<std::size_t>(of.family);
        }
    };

    coalescer<name_query, std::vector<address>, query_hash> flights_;
};

inline task<result<std::vector<address>>> resolver::resolve(name_query what) {
    // Names are the same in capitals; and a zero byte would end them early.
    for (char& each : what.host)
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    bool const cut = what.host.find('\0') != std::string::npos;
    if (what.host.empty() || cut) co_return make_error_code(resolve_errc::unknown_name);
    if (what.service.find('\0') != std::string::npos) co_return make_error_code(resolve_errc::unknown_service);
    if (auto at_once = resolve_numeric(what)) co_return std::move(*at_once);
    auto const found = co_await flights_.get(std::move(what));
    if (!found) co_return found.error();
    co_return **found;
}

inline std::optional<result<std::vector<address>>> resolve_numeric(name_query const& what) {
    auto const& digits = what.service;
    if (!std::all_of(digits.begin(), digits.end(), [](char each) { return each >= '0' && each <= '9'; })) return {};
    std::uint16_t port = 0;
    auto const error = std::from_chars(digits.data(), digits.data() + digits.size(), port).ec;
    if (!digits.empty() && error != std::errc{}) return make_error_code(resolve_errc::unknown_service);
    auto const one = address::parse_host(what.host, port);
    if (!one) return {}; // a name
    if (what.family != AF_UNSPEC && what.family != one->family()) return make_error_code(resolve_errc::wrong_family);
    return std::vector<address>{*one};
}

inline result<std::vector<address>> blocking_resolve(name_query const& what) {
    addrinfo hints{};
    hints.ai_family = what.family;
    hints.ai_socktype = SOCK_STREAM; // else each address comes once for every kind of socket
    addrinfo* first = nullptr;
    char const* const service = what.service.empty() ? nullptr : what.service.c_str();
    int const error = ::getaddrinfo(what.host.c_str(), service, &hints, &first);
    if (error == EAI_SYSTEM) return system_error_code(errno);
    if (error != 0) return make_error_code(static_cast<resolve_errc>(error));
    std::vector<address> found;
    WEIR_TRY {
        for (addrinfo const* each = first; each; each = each->ai_next) {
            address const one{each->ai_addr, each->ai_addrlen};
            if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
        }
    }
    WEIR_CATCH_ALL {
        ::freeaddrinfo(first);
        return make_error_code(resolve_errc::out_of_memory);
    }
    ::freeaddrinfo(first);
    if (found.empty()) return make_error_code(resolve_errc::no_address);
    return found;
}

} // namespace weir::net
