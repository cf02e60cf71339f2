# cmake/warnings.cmake: the warnings that weir's own targets are held to.
add_library(weir_warnings INTERFACE)
target_compile_options(weir_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)

# GCC's optimiser reports overlaps in std::string's own operator+ (GCC bug 105651, gone in 13), and overflows behind
# null pointers that cannot be null, in the atomics of other people's headers. Neither points at code of ours.
target_compile_options(weir_warnings INTERFACE
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
