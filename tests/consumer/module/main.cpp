// tests/consumer/module/main.cpp: the customer's program, by the module; what it needs of the standard it includes.
#include <coroutine>
#include <string_view>
#include <system_error>
#include <unordered_set>

import weir;

weir::task<int> thrice(int number); // of a unit that includes weir, so that the task there and the one here are one type
weir::task<int> twice(int number) { co_return 2 * number; }

// Nobody writes the names of these: an operator, a hash, and what makes an error code of a reason.
bool finds_what_has_no_name() {
    auto const here = *weir::net::address::parse("127.0.0.1:80");
    auto const there = *weir::net::address::parse("[::1]:80");
    std::unordered_set<weir::net::address> const known{here};
    std::error_code const closed = weir::errc::closed;
    return here < there && known.contains(here) && !known.contains(there) && closed == weir::errc::closed;
}

int main() {
    bool const right = weir::sync_wait(twice(21)) == 42 && weir::sync_wait(thrice(14)) == 42;
    return right && finds_what_has_no_name() ? 0 : 1;
}
