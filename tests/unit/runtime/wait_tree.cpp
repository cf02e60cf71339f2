// tests/unit/runtime/wait_tree.cpp: lines that are alike are one, with how many coroutines and the longest wait.
#include <weir/runtime/wait_tree.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <string>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("alike paths are counted by their coroutines, and told by the longest of them") {
    wait_tree tree;
    tree.add({{"serve", 1}, {"awaits event", 1}}, 20ms, 0);
    tree.add({{"serve", 2}, {"awaits event", 2}}, 1500ms, 1);
    tree.add({{"serve", 3}, {"read", 4}, {"awaits recv", 4}}, 3ms, 0);
    std::string out;
    tree.write(out);
    CHECK(out == "serve x3\n"
                 "  awaits event x2, for 1.500 s, on worker 0 and 1\n"
                 "  read\n"
                 "    awaits recv, for 0.003 s, on worker 0\n");
}

TEST_CASE("a coroutine that several wait below is one") {
    wait_tree tree;
    tree.add({{"scope", 1}, {"awaits the end of 2", 1}}, 1s, 0);
    tree.add({{"scope", 1}, {"child", 2}, {"awaits event", 2}}, 1s, 0);
    tree.add({{"scope", 1}, {"child", 3}, {"awaits event", 3}}, 1s, 0);
    std::string out;
    tree.write(out);
    CHECK(out == "scope\n"
                 "  awaits the end of 2, for 1.000 s, on worker 0\n"
                 "  child x2\n"
                 "    awaits event x2, for 1.000 s, on worker 0\n");
}
