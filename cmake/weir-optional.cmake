# cmake/weir-optional.cmake: gives weir the folders of what it uses where it is found: xsimd and moodycamel's
# ConcurrentQueue. The build includes this, and so does the installed package.

# A target, a package with a config file, or the bare header under one of its names: whichever there is first. Of a
# package only the folders are taken: some releases name a library that is not there, or a version that is not theirs.
function(weir_use_if_found target package)
    unset(weir_folders)
    if(NOT TARGET ${package} AND NOT TARGET ${package}::${package})
        find_package(${package} CONFIG QUIET)
    endif()
    foreach(name IN ITEMS ${package} ${package}::${package})
        if(TARGET ${name} AND NOT weir_folders)
            get_target_property(weir_folders ${name} INTERFACE_INCLUDE_DIRECTORIES)
        endif()
    endforeach()
    find_path(weir_folders NAMES ${ARGN} NO_CACHE)
    if(weir_folders)
        target_include_directories(${target} SYSTEM INTERFACE "$<BUILD_INTERFACE:${weir_folders}>")
    endif()
endfunction()

function(weir_use_what_is_found target)
    weir_use_if_found(${target} xsimd xsimd/xsimd.hpp)
    weir_use_if_found(${target} concurrentqueue
        moodycamel/concurrentqueue.h concurrentqueue/moodycamel/concurrentqueue.h
        concurrentqueue/concurrentqueue.h concurrentqueue.h)
endfunction()
