// bench/memory/objects.hpp: who lends objects that are costly to make; here strings with room for 4 KiB.
// A contender has a `name` and `with(use)`, which calls `use` with an empty string.
#pragma once

#include <harness/measure.hpp>
#include <harness/race.hpp>

#include <weir/memory/object_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct make_text {
    std::string operator()() const {
        std::string text;
        text.reserve(4096);
        return text;
    }
};

struct weir_objects {
    static constexpr auto name = "weir object_pool";
    weir::object_pool<std::string, make_text> pool;

    void with(auto use) {
        auto text = pool.acquire();
        use(*text);
    }
};

struct mutex_objects {
    static constexpr auto name = "mutex + vector";
    std::mutex mutex;
    std::vector<std::string> kept;

    void with(auto use) {
        std::string text = take();
        use(text);
        text.clear();
        std::lock_guard const lock{mutex};
        kept.push_back(std::move(text));
    }
    std::string take() {
        std::lock_guard const lock{mutex};
        if (kept.empty()) return make_text{}();
        std::string text = std::move(kept.back());
        kept.pop_back();
        return text;
    }
};

struct new_objects {
    static constexpr auto name = "made anew";

    void with(auto use) {
        std::string text = make_text{}();
        use(text);
    }
};

// Borrows one, writes a word to it and gives it back.
template <class Objects>
void lend(Objects& objects, std::uint64_t times) {
    for (; times != 0; --times) {
        objects.with([](std::string& text) {
            text += "borrowed";
            keep(text[0]);
        });
    }
}

template <class Objects>
auto lend_alone() {
    return [objects = std::make_shared<Objects>()](std::uint64_t times) { lend(*objects, times); };
}

// Half of the operations on each core.
template <class Objects>
auto lend_together(core_pair cores) {
    return [=, objects = std::make_shared<Objects>()](std::uint64_t times) {
        return race({{[&] { lend(*objects, times / 2); }, cores.one},
                     {[&] { lend(*objects, times - times / 2); }, cores.other}});
    };
}

} // namespace bench
