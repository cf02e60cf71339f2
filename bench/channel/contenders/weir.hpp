// bench/channel/contenders/weir.hpp: weir's channels between tasks of a runtime.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <weir/channel.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace bench {

// `Channel` says how it is made, and how it is sent to.
template <class Channel>
class weir_contender {
public:
    static constexpr auto name = Channel::name;

    explicit weir_contender(shape how) : how_{how}, runtime_{options_for(how)} {}

    double transfer(std::uint64_t times) {
        received_.store(0, weir::relaxed); // the start of the tasks orders it
        double const took = runtime_.block_on(&weir_contender::all, std::ref(*this), times);
        must_equal(received_.load(weir::relaxed), how_.sum(times), name); // after their end
        return took;
    }

private:
    using channel = typename Channel::type;

    static weir::runtime_options options_for(shape how) {
        weir::runtime_options chosen;
        chosen.workers = how.workers;
        return chosen;
    }

    static weir::task<double> all(weir_contender& self, std::uint64_t times) {
        using clock = std::chrono::steady_clock;
        auto const start = clock::now();
        co_await weir::in_scope(&weir_contender::spawn_all, std::ref(self), times);
        co_return std::chrono::duration<double, std::nano>{clock::now() - start}.count();
    }
    static weir::task<> spawn_all(weir::scope& children, weir_contender& self, std::uint64_t times) {
        Channel::make(self.values_);
        self.sending_.store(self.how_.pairs, weir::relaxed); // before the tasks start
        for (unsigned pair = 0; pair < self.how_.pairs; ++pair) {
            if (self.how_.many) children.spawn(&weir_contender::receive_many, std::ref(self));
            else children.spawn(&weir_contender::receive, std::ref(self));
            children.spawn(&weir_contender::send, std::ref(self), times / self.how_.pairs);
        }
        co_return;
    }
    static weir::task<> send(weir_contender& self, std::uint64_t count) {
        channel& to = *self.values_;
        typename Channel::lane lane{to};
        for (item value = 1; value <= count; ++value) {
            if constexpr (Channel::waits) {
                auto const sent = co_await lane.send(value);
                if (!sent) co_return;
            } else {
                if (!lane.send(item{value})) co_return;
                if (value % room == 0) co_await weir::yield();
            }
        }
        if (self.sending_.fetch_sub(1, weir::acq_rel) == 1) to.close(); // [sent]
    }
    static weir::task<> receive(weir_contender& self) {
        channel& from = *self.values_;
        item sum = 0;
        for (;;) {
            auto const got = co_await from.recv();
            if (!got) break;
            sum += *got;
        }
        self.received_.fetch_add(sum, weir::relaxed); // the end of the tasks orders it
    }
    static weir::task<> receive_many(weir_contender& self) {
        channel& from = *self.values_;
        std::array<item, handful> some;
        item sum = 0;
        for (;;) {
            auto const got = co_await from.recv_many(some);
            if (!got) break;
            for (item const value : std::span{some}.first(*got)) sum += value;
        }
        self.received_.fetch_add(sum, weir::relaxed); // the end of the tasks orders it
    }

    shape const how_;
    std::optional<channel> values_;
    weir::atomic<item> received_{0};
    weir::atomic<unsigned> sending_{0};
    weir::runtime runtime_;
};

struct weir_bounded {
    static constexpr auto name = "weir channel";
    static constexpr bool waits = true;
    using type = weir::channel<item>;
    using lane = type&;
    static void make(std::optional<type>& into) { into.emplace(room); }
};

// Who sends without a wait gives way as often as a bounded channel would make it wait.
struct weir_unbounded {
    static constexpr auto name = "weir unbounded_channel";
    static constexpr bool waits = false;
    using type = weir::unbounded_channel<item>;
    using lane = type::sender;
    static void make(std::optional<type>& into) { into.emplace(); }
};

} // namespace bench
