// tests/model/fiber.hpp: a stack of its own that runs when it is switched to; the sanitizers are told.
#pragma once

#include <weir/base/immovable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_MODEL_ASAN 1
#elif __has_feature(thread_sanitizer)
#define WEIR_MODEL_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WEIR_MODEL_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define WEIR_MODEL_TSAN 1
#endif

#if defined(WEIR_MODEL_ASAN)
#include <sanitizer/common_interface_defs.h>
#elif defined(WEIR_MODEL_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace weir::model {

// The thread's own stack is a fiber too: one made without an entry.
class fiber : immovable {
public:
    using entry_function = void (*)(void*);

    fiber() noexcept {
#if defined(WEIR_MODEL_TSAN)
        tsan_ = __tsan_get_current_fiber();
#endif
    }
    // `entry(argument)` begins at the first switch to it, and never returns.
    fiber(entry_function entry, void* argument)
        : entry_{entry}, argument_{argument}, stack_{std::make_unique<char[]>(stack_bytes)} {
#if defined(WEIR_MODEL_TSAN)
        tsan_ = __tsan_create_fiber(0);
        owns_tsan_ = true;
#endif
        getcontext(&context_);
        context_.uc_stack.ss_sp = stack_.get();
        context_.uc_stack.ss_size = stack_bytes;
        context_.uc_link = nullptr;
        auto const self = reinterpret_cast<std::uintptr_t>(this);
        makecontext(&context_, reinterpret_cast<void (*)()>(&begin), 2, static_cast<unsigned>(self >> 32),
                    static_cast<unsigned>(self));
    }
    ~fiber() {
#if defined(WEIR_MODEL_TSAN)
        if (owns_tsan_) __tsan_destroy_fiber(tsan_);
#endif
    }

    // Goes on in `to`; returns when somebody switches back here.
    void switch_to(fiber& to) noexcept {
        to.came_from_ = this;
#if defined(WEIR_MODEL_ASAN)
        void* fake = nullptr;
        if (to.stack_) __sanitizer_start_switch_fiber(&fake, to.stack_.get(), stack_bytes);
        else __sanitizer_start_switch_fiber(&fake, to.bottom_, to.size_);
#elif defined(WEIR_MODEL_TSAN)
        __tsan_switch_to_fiber(to.tsan_, 0);
#endif
        swapcontext(&context_, &to.context_);
#if defined(WEIR_MODEL_ASAN)
        arrived(fake);
#endif
    }

private:
    static constexpr std::size_t stack_bytes = 256 * 1024;

    static void begin(unsigned high, unsigned low) {
        auto& self = *reinterpret_cast<fiber*>((std::uintptr_t{high} << 32) | low);
#if defined(WEIR_MODEL_ASAN)
        self.arrived(nullptr);
#endif
        self.entry_(self.argument_);
    }
#if defined(WEIR_MODEL_ASAN)
    // Learns the extent of the stack that was left.
    void arrived(void* fake) noexcept {
        __sanitizer_finish_switch_fiber(fake, &came_from_->bottom_, &came_from_->size_);
    }
    void const* bottom_ = nullptr;
    std::size_t size_ = 0;
#elif defined(WEIR_MODEL_TSAN)
    void* tsan_ = nullptr;
    bool owns_tsan_ = false;
#endif
    entry_function entry_ = nullptr;
    void* argument_ = nullptr;
    fiber* came_from_ = nullptr;
    std::unique_ptr<char[]> stack_;
    ucontext_t context_{};
};

} // namespace weir::model
