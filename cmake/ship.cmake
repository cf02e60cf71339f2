# cmake/ship.cmake: weir_ship(target) builds a program the way it is shipped when the build type is Release:
# with link-time optimisation where the toolchain has it, and stripped.
include(CheckIPOSupported)

# The check builds a project of its own, so its answer is kept.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT DEFINED WEIR_LINK_TIME_OPTIMISATION)
    check_ipo_supported(RESULT supported OUTPUT _ LANGUAGES CXX)
    set(WEIR_LINK_TIME_OPTIMISATION ${supported} CACHE INTERNAL "The toolchain can optimise at link time")
endif()

function(weir_ship target)
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
        set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ${WEIR_LINK_TIME_OPTIMISATION})
        target_link_options(${target} PRIVATE -s)
    endif()
endfunction()
