// tests/model/scope.cpp: children that end and fail on two threads while the body joins: joined once, after the last touch.
// The failure is handed over without a throw: exceptions in flight belong to a thread, and fibers share theirs.
#include "desk.hpp"

#include <weir/coro/scope.hpp>
#include <weir/sync/event.hpp>

#include <exception>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// What a child holds: its end is the last that is seen of the child.
class last_will {
public:
    explicit last_will(plain<int>& into) noexcept : into_{&into} {}
    last_will(last_will&& other) noexcept : into_{std::exchange(other.into_, nullptr)} {}
    ~last_will() {
        if (into_) into_->set(1);
    }

private:
    plain<int>* into_;
};

class two_children {
public:
    explicit two_children(bool fails) : fails_{fails} {}
    void thread(int number) {
        if (number == 0) opens(where_, *this);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(joined_ == 1, "the body was joined not once");
    }

private:
    // A callable whose own end is seen: it lies in the frame that the scope made for the child.
    class child {
    public:
        child(two_children& self, scope& of, bool waits, plain<int>& end) noexcept
            : self_{&self}, of_{&of}, waits_{waits}, end_{end} {}
        task<> operator()() {
            if (waits_) {
                auto const waited = co_await self_->never_.wait();
                check(!waited, "an event that nobody raised");
            } else if (self_->fails_) {
                of_->fail(std::make_exception_ptr(1));
            }
        }

    private:
        two_children* self_;
        scope* of_;
        bool waits_;
        last_will end_;
    };
    static walk opens(context const& above, two_children& self) {
        scope children{above};
        child first{self, children, false, self.ended_[0]};
        child second{self, children, self.fails_, self.ended_[1]};
        children.spawn(std::move(first));
        children.spawn(std::move(second));
        co_await scope::join(children);
        check(self.ended_[0].get() + self.ended_[1].get() == 2, "joined before the end");
        check(children.failures() == (self.fails_ ? 1u : 0u), "a failure was lost");
        ++self.joined_;
    }
    bool const fails_;
    desk desk_;
    context const where_{desk_};
    event never_;
    std::array<plain<int>, 2> ended_;
    int joined_ = 0;
};

} // namespace

TEST_CASE("a scope ends once, after its children, wherever they end (T1)") {
    holds("scope: two children on two threads", explorer::explore<two_children>(3, {}, false));
}

TEST_CASE("a child that fails stops the one that waits, and both are joined (T1, T2)") {
    holds("scope: one fails, one waits", explorer::explore<two_children>(2, {}, true));
}
