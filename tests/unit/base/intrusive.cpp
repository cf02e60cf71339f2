// tests/unit/base/intrusive.cpp: lists whose links lie in the values keep their order and let go of what leaves.
#include "dies.hpp"

#include <weir/base/intrusive.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <list>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

using namespace weir;

namespace {

struct plain {
    int number = 0;
    plain* next = nullptr;
};
struct shared {
    int number = 0;
    atomic<shared*> next{nullptr};
};
struct first_base {
    long filler = 0;
};
// The node is not the first base, so that a wrong cast shows.
struct listed : first_base, list_node {
    int number = 0;
};

template <class T, std::size_t Size>
void number(std::array<T, Size>& items) {
    for (std::size_t n = 0; n < Size; ++n) items[n].number = static_cast<int>(n);
}

template <class Queue>
std::vector<int> drain(Queue& queue) {
    std::vector<int> numbers;
    while (auto* const item = queue.pop_front()) numbers.push_back(item->number);
    return numbers;
}

std::vector<int> walk(intrusive_list<listed>& list) {
    std::vector<int> numbers;
    for (auto* item = list.front(); item; item = list.next(*item)) numbers.push_back(item->number);
    return numbers;
}

static_assert(!std::is_copy_constructible_v<intrusive_fifo<plain>> &&
              std::is_nothrow_move_constructible_v<intrusive_fifo<plain>>);
static_assert(!std::is_copy_constructible_v<list_node> && !std::is_move_constructible_v<list_node>);
static_assert(!std::is_move_constructible_v<intrusive_list<listed>>);

} // namespace

TEMPLATE_TEST_CASE("a fifo gives back in the order of pushing, emptied and filled again", "", plain, shared) {
    std::array<TestType, 4> items;
    number(items);
    intrusive_fifo<TestType> queue;
    for (int round = 0; round < 2; ++round) {
        CHECK(queue.empty());
        CHECK(queue.front() == nullptr);
        CHECK(queue.pop_front() == nullptr);
        queue.push_back(items[1]);
        queue.push_back(items[2]);
        queue.push_front(items[0]);
        queue.push_back(items[3]);
        CHECK(queue.front() == &items[0]);
        CHECK(drain(queue) == std::vector<int>{0, 1, 2, 3});
    }
}

TEMPLATE_TEST_CASE("what is pushed in front of an empty fifo is also its end", "", plain, shared) {
    std::array<TestType, 2> items;
    number(items);
    intrusive_fifo<TestType> queue;
    queue.push_front(items[0]);
    queue.push_back(items[1]);
    CHECK(drain(queue) == std::vector<int>{0, 1});
}

TEMPLATE_TEST_CASE("appending moves all behind, whichever side is empty", "", plain, shared) {
    std::array<TestType, 5> items;
    number(items);
    intrusive_fifo<TestType> one;
    intrusive_fifo<TestType> two;
    one.append(std::move(two));
    CHECK(one.empty());
    two.push_back(items[0]);
    two.push_back(items[1]);
    one.append(std::move(two));
    CHECK(two.empty());
    one.append(std::move(two));
    two.push_back(items[2]); // an emptied queue is usable
    two.push_back(items[3]);
    one.append(std::move(two));
    one.push_back(items[4]);
    CHECK(drain(one) == std::vector<int>{0, 1, 2, 3, 4});
    CHECK(two.empty());
}

TEMPLATE_TEST_CASE("a moved fifo leaves an empty one behind, and moving to itself changes nothing", "", plain, shared) {
    std::array<TestType, 3> items;
    number(items);
    intrusive_fifo<TestType> one;
    for (auto& item : items) one.push_back(item);
    intrusive_fifo<TestType> two = std::move(one);
    CHECK(one.empty());
    auto& same = two;
    two = std::move(same);
    one = std::move(two);
    CHECK(two.empty());
    two.push_back(items[2]); // a tail that was left behind would link items[2] to itself
    CHECK(two.pop_front() == &items[2]);
    CHECK(two.empty());
    CHECK(one.front() == &items[0]);
}

TEST_CASE("a value may be pushed again from within the draining of its queue") {
    std::array<plain, 2> items;
    number(items);
    intrusive_fifo<plain> queue;
    for (auto& item : items) queue.push_back(item);
    std::vector<int> seen;
    for (int n = 0; n < 5; ++n) {
        auto* const item = queue.pop_front();
        seen.push_back(item->number);
        queue.push_back(*item);
    }
    CHECK(seen == std::vector<int>{0, 1, 0, 1, 0});
}

TEMPLATE_TEST_CASE("a stack gives back the last first", "", plain, shared) {
    std::array<TestType, 3> items;
    number(items);
    intrusive_stack<TestType> stack;
    CHECK(stack.empty());
    CHECK(stack.pop() == nullptr);
    for (auto& item : items) stack.push(item);
    CHECK_FALSE(stack.empty());
    CHECK(stack.pop() == &items[2]);
    stack.push(items[2]);
    CHECK(stack.pop() == &items[2]);
    CHECK(stack.pop() == &items[1]);
    CHECK(stack.pop() == &items[0]);
    CHECK(stack.pop() == nullptr);
}

TEST_CASE("a list is walked in order and unlinked anywhere") {
    std::array<listed, 5> items;
    number(items);
    intrusive_list<listed> list;
    CHECK(list.front() == nullptr);
    CHECK(list.pop_front() == nullptr);
    for (std::size_t n = 1; n < 4; ++n) list.push_back(items[n]);
    list.push_front(items[0]);
    list.push_back(items[4]);
    CHECK(walk(list) == std::vector<int>{0, 1, 2, 3, 4});
    items[2].unlink();
    items[0].unlink();
    items[4].unlink();
    CHECK_FALSE(items[2].linked());
    CHECK(items[1].linked());
    CHECK(walk(list) == std::vector<int>{1, 3});
    list.push_back(items[2]);
    CHECK(drain(list) == std::vector<int>{1, 3, 2});
    CHECK(list.empty());
    for (auto const& item : items) CHECK_FALSE(item.linked());
}

TEST_CASE("splicing moves all behind, whichever side is empty, itself included") {
    std::array<listed, 4> items;
    number(items);
    intrusive_list<listed> one;
    intrusive_list<listed> two;
    one.splice(two);
    CHECK(one.empty());
    two.push_back(items[0]);
    two.push_back(items[1]);
    one.splice(two);
    CHECK(two.empty());
    CHECK(two.front() == nullptr);
    two.push_back(items[2]);
    two.push_back(items[3]);
    one.splice(two);
    one.splice(two);
    CHECK(walk(one) == std::vector<int>{0, 1, 2, 3});
    one.splice(one);
    CHECK(walk(one) == std::vector<int>{0, 1, 2, 3});
    items[3].unlink();
    items[0].unlink();
    CHECK(drain(one) == std::vector<int>{1, 2});
}

TEST_CASE("a spliced value leaves its new list without knowing of it") {
    listed item;
    intrusive_list<listed> second;
    {
        intrusive_list<listed> first;
        first.push_back(item);
        second.splice(first);
    }
    item.unlink(); // a link to the list that has ended would be written here
    CHECK(second.empty());
}

TEST_CASE("ten thousand random steps agree with std::list") {
    std::array<listed, 32> items;
    number(items);
    intrusive_list<listed> list;
    std::list<int> model;
    std::mt19937 random{9};
    std::size_t faults = 0;
    for (int step = 0; step < 10'000; ++step) {
        auto& item = items[random() % items.size()];
        if (item.linked()) {
            item.unlink();
            model.remove(item.number);
        } else if (random() % 2 == 0) {
            list.push_back(item);
            model.push_back(item.number);
        } else {
            list.push_front(item);
            model.push_front(item.number);
        }
        if (random() % 8 == 0) {
            auto* const popped = list.pop_front();
            faults += (popped == nullptr) != model.empty();
            if (popped && !model.empty()) {
                faults += popped->number != model.front();
                model.pop_front();
            }
        }
        faults += walk(list) != std::vector<int>(model.begin(), model.end());
    }
    while (list.pop_front()) {}
    CHECK(faults == 0);
}

#if !defined(NDEBUG)
TEST_CASE("a value that is put in two lists ends the program with a sentence") {
    auto const end = dies([] {
        listed item;
        intrusive_list<listed> one;
        intrusive_list<listed> two;
        one.push_back(item);
        two.push_back(item);
    });
    CHECK(end.aborted);
    CHECK(end.words.find("in two lists") != std::string::npos);
}
#endif

TEST_CASE("a list item takes the place of another, at the front, in the middle and at the end", "[intrusive]") {
    for (std::size_t const place : {0u, 1u, 2u}) {
        std::array<listed, 4> items;
        number(items);
        intrusive_list<listed> list;
        for (std::size_t n = 0; n < 3; ++n) list.push_back(items[n]);
        list.replace(items[place], items[3]);
        CHECK(!items[place].linked());
        CHECK(items[3].linked());
        std::vector<int> expected{0, 1, 2};
        expected[place] = 3;
        CHECK(walk(list) == expected);
        items[3].unlink();
        CHECK(walk(list).size() == 2);
        while (list.pop_front()) {}
    }
    listed alone;
    listed heir;
    intrusive_list<listed> list;
    list.push_back(alone);
    list.replace(alone, heir);
    CHECK(list.front() == &heir);
    CHECK(list.next(heir) == nullptr);
    heir.unlink();
    CHECK(list.empty());
}
