// weir/base/platform.hpp: what differs between compilers and systems, told once.
// For:      authors of primitives. A user never defines any of these words.
#pragma once

#include <version>

// Exceptions may be switched off; the library then carries none and treats a throw as the end of the program.
#if defined(__cpp_exceptions)
#define WEIR_EXCEPTIONS 1
#define WEIR_TRY try
#define WEIR_CATCH_ALL catch (...)
#else
#define WEIR_EXCEPTIONS 0
#define WEIR_TRY if constexpr (true)
#define WEIR_CATCH_ALL else
#endif

#if defined(__GNUC__) || defined(__clang__)
#define WEIR_NOINLINE [[gnu::noinline]]
#define WEIR_COLD [[gnu::cold, gnu::noinline]]
#define WEIR_INLINE [[gnu::always_inline]] inline
#define WEIR_OPAQUE() asm volatile("")
#else
#define WEIR_NOINLINE
#define WEIR_COLD
#define WEIR_INLINE inline
#define WEIR_OPAQUE() ((void)0)
#endif

// Clang makes a tail call of every symmetric transfer; GCC only from -O2 and without sanitizers, which no macro tells.
#if defined(__clang__)
#define WEIR_TRANSFER_IS_TAIL_CALL 1
#else
#define WEIR_TRANSFER_IS_TAIL_CALL 0
#endif

// GCC before 13 lays some coroutine frames out wrongly and destroys some temporaries of an await expression twice.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#define WEIR_GCC_BEFORE_13 1
#else
#define WEIR_GCC_BEFORE_13 0
#endif

// GCC 15.2 touches a frame after an await_suspend that destroyed it.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ == 15 && __GNUC_MINOR__ == 2
#define WEIR_NO_DESTROY_IN_SUSPEND 1
#else
#define WEIR_NO_DESTROY_IN_SUSPEND 0
#endif

// Clang before 17 may keep locals of an inlined await_suspend in the frame that it has already handed over.
#if defined(__clang__) && __clang_major__ < 17
#define WEIR_HANDS_OVER [[gnu::noinline]]
#else
#define WEIR_HANDS_OVER
#endif

// Marks a coroutine type whose frame clang may place in that of who awaits it at once.
#if defined(__clang__) && __has_cpp_attribute(clang::coro_await_elidable)
#define WEIR_AWAIT_ELIDABLE [[clang::coro_await_elidable]]
#else
#define WEIR_AWAIT_ELIDABLE
#endif

// A thread-local of the program, not of a shared library, lies at a fixed distance from the thread's segment register.
#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__) && (!defined(__PIC__) || defined(__PIE__))
#define WEIR_THREAD_WORD_IS_NEAR 1
#else
#define WEIR_THREAD_WORD_IS_NEAR 0
#endif

#if defined(__SANITIZE_THREAD__)
#define WEIR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_TSAN 1
#endif
#endif
#if !defined(WEIR_TSAN)
#define WEIR_TSAN 0
#endif

// Pools poison what they keep, so that a use after the end is noticed although the memory is still ours.
#if defined(__SANITIZE_ADDRESS__)
#define WEIR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_ASAN 1
#endif
#endif
#if !defined(WEIR_ASAN)
#define WEIR_ASAN 0
#endif

#if defined(__linux__)
#define WEIR_LINUX 1
#else
#define WEIR_LINUX 0
#endif
