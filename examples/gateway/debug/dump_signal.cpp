// examples/gateway/debug/dump_signal.cpp: a dump, line by line.
#include "dump_signal.hpp"

#include <weir/runtime/blocking.hpp>
#include <weir/runtime/dump.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace gateway {

weir::task<> dump_at_signal(weir::io::signal_set* asked, weir::runtime* of, log* to) {
    for (;;) {
        auto const number = co_await asked->next();
        if (!number) co_return;
        auto const told = co_await weir::blocking([](weir::runtime* one) { return weir::dump(*one); }, of);
        if (!told) continue;
        for (std::string_view rest = *told; !rest.empty();) {
            auto const line = rest.substr(0, rest.find('\n'));
            to->say(log_level::warning, "tasks", {{"line", line}}); // asked for, so at a level that few leave out
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        }
    }
}

} // namespace gateway
