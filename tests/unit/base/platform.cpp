// tests/unit/base/platform.cpp: the words about the compiler agree with what the compiler does.
#include <weir/base/platform.hpp>

#include <catch2/catch_test_macros.hpp>

#include <stdexcept>

namespace {

WEIR_NOINLINE int not_inlined(int value) {
    WEIR_OPAQUE();
    return value + 1;
}
WEIR_COLD int cold(int value) { return value + 2; }
WEIR_INLINE int inlined(int value) { return value + 3; }

// What a library function does around the user's code.
bool survives(bool fails) {
    WEIR_TRY {
        if (fails) throw std::runtime_error("the user's");
        return true;
    }
    WEIR_CATCH_ALL { return false; }
    return true;
}

} // namespace

TEST_CASE("marked functions are still functions") { CHECK(not_inlined(cold(inlined(0))) == 6); }

TEST_CASE("with exceptions switched on, a guarded throw is caught") {
    CHECK(WEIR_EXCEPTIONS == 1);
    CHECK(survives(false));
    CHECK_FALSE(survives(true));
}

TEST_CASE("at most one compiler is told of") {
#if defined(__clang__)
    CHECK(WEIR_GCC_BEFORE_13 == 0);
    CHECK(WEIR_TRANSFER_IS_TAIL_CALL == 1);
#else
    CHECK(WEIR_GCC_BEFORE_13 == (__GNUC__ < 13 ? 1 : 0));
    CHECK(WEIR_TRANSFER_IS_TAIL_CALL == 0);
#endif
#if defined(__linux__)
    CHECK(WEIR_LINUX == 1);
#endif
}
