// bench/queue/contenders/boost.hpp: Boost.Lockfree, its sizes known to the compiler, which is its faster form.
#pragma once

#include "contender.hpp"

#include <cstddef>
#include <span>

#if __has_include(<boost/lockfree/spsc_queue.hpp>)
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#endif

namespace bench {

struct boost_spsc {
    static constexpr auto name = "Boost spsc_queue";
#if __has_include(<boost/lockfree/spsc_queue.hpp>)
    boost::lockfree::spsc_queue<item, boost::lockfree::capacity<room>> queue;

    bool push(item value) { return queue.push(value); }
    bool pop(item& value) { return queue.pop(value); }
    std::size_t push_n(std::span<item> values) { return queue.push(values.data(), values.size()); }
    std::size_t pop_n(std::span<item> values) { return queue.pop(values.data(), values.size()); }
#else
    static constexpr auto absent = "no Boost";
#endif
};

struct boost_queue {
    static constexpr auto name = "Boost lockfree queue";
#if __has_include(<boost/lockfree/queue.hpp>)
    boost::lockfree::queue<item, boost::lockfree::capacity<room>> queue;

    bool push(item value) { return queue.push(value); }
    bool pop(item& value) { return queue.pop(value); }
#else
    static constexpr auto absent = "no Boost";
#endif
};

} // namespace bench
