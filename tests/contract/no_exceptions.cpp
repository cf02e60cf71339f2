// tests/contract/no_exceptions.cpp: every header, built with -fno-exceptions -fno-rtti; compiling it is the test.
#include <every_header.hpp>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this unit shows nothing unless exceptions and run-time type information are off"
#endif
