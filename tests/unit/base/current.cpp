// tests/unit/base/current.cpp: a thread's own service is its own, and the one before comes back.
#include <weir/base/current.hpp>

#include <catch2/catch_test_macros.hpp>

#include <stdexcept>
#include <thread>

using namespace weir;

namespace {

struct clock_service {
    int time = 0;
};
struct log_service {};

} // namespace

TEST_CASE("nobody's service is null") {
    CHECK(current<clock_service>() == nullptr);
    CHECK(current<log_service>() == nullptr);
}

TEST_CASE("a service is current to the end of its scope, and then the one before it") {
    clock_service outer;
    clock_service inner;
    {
        current_guard const one{&outer};
        CHECK(current<clock_service>() == &outer);
        {
            current_guard const two{&inner};
            CHECK(current<clock_service>() == &inner);
            current_guard<clock_service> const none{nullptr};
            CHECK(current<clock_service>() == nullptr);
        }
        CHECK(current<clock_service>() == &outer);
    }
    CHECK(current<clock_service>() == nullptr);
}

TEST_CASE("an exception restores the service before") {
    clock_service service;
    try {
        current_guard const one{&service};
        throw std::runtime_error("leaves the scope");
    } catch (std::runtime_error const&) {}
    CHECK(current<clock_service>() == nullptr);
}

TEST_CASE("services of different kinds do not meet, a constant one included") {
    clock_service service;
    clock_service const constant{5};
    log_service log;
    current_guard const one{&service};
    current_guard const two{&constant};
    current_guard const three{&log};
    CHECK(current<clock_service>() == &service);
    CHECK(current<clock_service const>()->time == 5);
    CHECK(current<log_service>() == &log);
}

TEST_CASE("each thread has its own service") {
    clock_service mine;
    current_guard const one{&mine};
    clock_service* at_first = &mine;
    clock_service* installed = nullptr;
    clock_service theirs;
    std::thread([&] {
        at_first = current<clock_service>();
        current_guard const two{&theirs};
        installed = current<clock_service>();
    }).join();
    CHECK(at_first == nullptr);
    CHECK(installed == &theirs);
    CHECK(current<clock_service>() == &mine);
}
