// examples/gateway/page/live_page.cpp: the page, its viewers, and the sampler that they share.
#include "live_page.hpp"

#include "live_html.hpp"
#include "live_sampler.hpp"

#include <http/event_stream.hpp>
#include <weir/timer/interval.hpp>

#include <utility>

namespace gateway {

namespace {

// Nothing is loaded from elsewhere, and nobody frames the page.
constexpr std::string_view policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                                    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                                    "frame-ancestors 'none'";

void add_header(http::response& to, std::string_view name, std::string_view value) {
    static_cast<void>(to.add_header(name, value)); // literals, always valid
}

} // namespace

// One who looks, counted from its beginning to its end.
class live_page::viewer : weir::immovable {
public:
    explicit viewer(live_page& page) : page_{page} {
        bool first = false;
        {
            std::scoped_lock const alone{page_.mutex_};
            if (page_.viewers_ == page_.options_.most_viewers) return;
            ++page_.viewers_;
            admitted_ = true;
            first = !std::exchange(page_.sampling_, true); // keeps V1
        }
        if (first) spawn();
    }
    ~viewer() {
        if (!admitted_) return;
        std::scoped_lock const alone{page_.mutex_};
        --page_.viewers_;
    }
    bool admitted() const noexcept { return admitted_; }

private:
    void spawn() {
        try {
            page_.samplers_.spawn(&live_page::sample, &page_);
        } catch (...) { // no memory: the next one who comes tries again, for all
            std::scoped_lock const alone{page_.mutex_};
            --page_.viewers_;
            page_.sampling_ = false; // keeps V1
            throw;
        }
    }

    live_page& page_;
    bool admitted_ = false;
};

live_page::live_page(weir::runtime& of, live_figures figures, live_page_options options)
    : runtime_{of}, figures_{std::move(figures)}, options_{options}, above_{of.get_executor()}, samplers_{above_} {}

weir::task<> live_page::show(http::exchange& one) {
    static_cast<void>(one.response.set_content_type("text/html; charset=utf-8"));
    add_header(one.response, "Content-Security-Policy", policy);
    add_header(one.response, "X-Content-Type-Options", "nosniff");
    add_header(one.response, "Referrer-Policy", "no-referrer");
    add_header(one.response, "Cache-Control", "no-cache");
    one.response.body() = live_html;
    co_return;
}

weir::task<> live_page::events(http::exchange& one) {
    viewer const here{*this};
    add_header(one.response, "Cache-Control", "no-store");
    if (!here.admitted()) {
        one.response.set_status(503);
        add_header(one.response, "Retry-After", "10");
        static_cast<void>(one.response.set_content_type("text/plain"));
        one.response.body() = "too many look at the live page\n";
        co_return;
    }
    add_header(one.response, "X-Accel-Buffering", "no"); // a proxy in front keeps nothing back
    auto looks = latest_.subscribe();
    http::event_stream events{one};
    auto const begun = co_await events.flush();
    if (!begun) co_return;
    while (!events.server_ending()) {
        auto const changed = co_await looks.changed();
        if (!changed) co_return;
        auto const text = looks.borrow_and_update();
        http::event news{*text};
        news.retry = 2 * options_.period;
        auto const sent = co_await events.send(news);
        if (!sent) co_return;
    }
}

bool live_page::go_on() {
    std::scoped_lock const alone{mutex_};
    sampling_ = viewers_ > 0; // keeps V1
    return sampling_;
}

weir::task<> live_page::sample(live_page* self) {
    live_sampler looks{self->figures_, self->runtime_, self->began_};
    weir::interval ticks{self->options_.period};
    for (;;) {
        auto const tick = co_await ticks.next();
        if (!tick) co_return; // by close: nobody looks
        bool const wanted = self->go_on();
        if (!wanted) co_return;
        self->latest_.send(looks.next());
        self->samples_.fetch_add(1, weir::relaxed); // a figure
    }
}

weir::task<> live_page::close() {
    samplers_.request_stop();
    co_await weir::scope::join(samplers_);
}

std::size_t live_page::viewers() const {
    std::scoped_lock const alone{mutex_};
    return viewers_;
}

weir::registration live_page::register_metrics(weir::registry& with) const {
    return with
        .add_gauge({.name = "gateway_live_viewers", .help = "Who look at the live page."}, [this] { return viewers(); })
        .value();
}

} // namespace gateway
