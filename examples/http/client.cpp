// examples/http/client.cpp: the pool of connections, and which of them a request takes.
#include "client.hpp"

#include "client_link.hpp"

#include <weir/base/assert.hpp>
#include <weir/coro/context.hpp>
#include <weir/net/happy_eyeballs.hpp>
#include <weir/net/resolve.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/timer/timeout.hpp>

#include <mutex>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace http {

class client::state {
public:
    explicit state(client_options of) : options{of} {}

    client_site& site_of(origin const& where);
    // A kept connection that is still good, the one used last first; null without one.
    std::unique_ptr<client_link> take_idle(client_site& site);

    client_options const options;
    client::figures figures;
    weir::net::resolver names;
    std::mutex mutex; // guards the rest; never held across a wait
    std::unordered_map<std::string, std::unique_ptr<client_site>> sites;
    bool closed = false;
};

client_site& client::state::site_of(origin const& where) {
    std::lock_guard const locked{mutex};
    auto& site = sites[(where.secure ? "https://" : "http://") + where.authority];
    if (!site) site = std::make_unique<client_site>(where, options, mutex);
    return *site;
}

std::unique_ptr<client_link> client::state::take_idle(client_site& site) {
    std::vector<std::unique_ptr<client_link>> stale; // closed behind the lock
    std::lock_guard const locked{mutex};
    auto const oldest = weir::clock::now() - options.idle_time;
    while (!site.idle.empty()) {
        auto link = std::move(site.idle.back());
        site.idle.pop_back();
        if (link->idle_since() >= oldest && !link->is_stale()) return link;
        stale.push_back(std::move(link));
    }
    return nullptr;
}

client::client(client_options options) : state_{std::make_unique<state>(options)} {}
client::~client() = default;

client::figures const& client::counts() const noexcept { return state_->figures; }

std::size_t client::idle() const {
    std::lock_guard const locked{state_->mutex};
    std::size_t sum = 0;
    for (auto const& [name, site] : state_->sites) sum += site->idle.size();
    return sum;
}

weir::task<> client::close() {
    {
        std::lock_guard const locked{state_->mutex};
        state_->closed = true;
        for (auto const& [name, site] : state_->sites) {
            site->keeps = 0;
            site->idle.clear();
        }
    }
    co_await state_->names.close();
}

weir::task<client::new_link> client::connect(client_site& to) {
    auto addresses = co_await state_->names.resolve(to.where.host, to.where.port);
    if (!addresses) co_return addresses.error();
    auto socket = co_await weir::net::connect_tcp_any(std::move(*addresses));
    if (!socket) co_return socket.error();
    static_cast<void>(socket->set_no_delay(true)); // without it everything works, only slower
    state_->figures.connected.add();
    auto link = std::make_unique<client_link>(to, std::move(*socket));
    auto const opened = co_await link->open();
    if (!opened) co_return opened.error();
    co_return link;
}

weir::task<client::new_link> client::connect_in_time(client_site& to) {
    auto made = co_await weir::timeout(connect(to), state_->options.connect_time);
    weir::context const& here = co_await weir::this_task();
    // A limit of the caller's own is told apart: it has stopped him as well.
    bool const ours = !made && made.error() == weir::errc::timed_out && !here.stop.stop_requested();
    if (ours) co_return std::make_error_code(std::errc::timed_out);
    co_return made;
}

weir::task<weir::result<client_response>> client::send(client_request const& ask) {
    auto& of = *state_;
    auto const& where = ask.origin();
    if (where.secure && !of.options.layers) co_return weir::errc::unsupported;
    auto& site = of.site_of(where);
    auto place = co_await site.places.acquire();
    if (!place) co_return place.error();
    of.figures.requests.add();
    for (bool repeats = false;; repeats = true) {
        auto link = repeats ? nullptr : of.take_idle(site);
        bool const kept = link != nullptr;
        if (!kept) {
            auto made = co_await connect_in_time(site);
            if (!made) co_return made.error();
            link = std::move(*made);
        }
        auto const answered = co_await link->converse(ask);
        if (answered) {
            link->hold(std::move(*place));
            co_return client_response{std::move(link)};
        }
        weir::context const& here = co_await weir::this_task();
        bool const again = kept && !link->answer_begun() && ask.may_repeat() && !here.stop.stop_requested();
        if (!again) co_return answered.error();
        of.figures.repeated.add();
    }
}

client_response::client_response(std::unique_ptr<client_link> link) noexcept : link_{std::move(link)} {}
client_response::client_response(client_response&&) noexcept = default;
client_response& client_response::operator=(client_response&& other) noexcept {
    client_link::let_go(std::exchange(link_, std::move(other.link_)));
    return *this;
}
client_response::~client_response() { client_link::let_go(std::move(link_)); }

response_head const& client_response::head() const noexcept { return link_->parser().head(); }

weir::task<weir::result<weir::bytes>> client_response::next() { return link_->next(); }

weir::task<weir::result<std::string>> client_response::read_all(std::size_t most) {
    std::string all;
    for (;;) {
        auto const piece = co_await link_->next();
        if (!piece) co_return piece.error();
        if (piece->empty()) co_return all;
        if (piece->size() > most - all.size()) co_return weir::errc::too_long;
        all += piece->view();
    }
}

} // namespace http
