# cmake/parse_once.cmake: weir's headers, parsed once for all tests and examples of a build, and the code of their inline
# functions made once; a source then pays for what is its own. Only with clang, and only for builds that are made to be
# run once, as those under a sanitizer are: it hides an include that a source forgets.
#
#   weir_parse_once(<target> [options...])  uses it, with these compile options, or does nothing where it is off

option(WEIR_PARSE_ONCE "Parse weir's headers once for all tests and examples (clang)" OFF)

if(NOT WEIR_PARSE_ONCE OR NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    function(weir_parse_once target)
        target_compile_options(${target} PRIVATE ${ARGN})
    endfunction()
    return()
endif()

find_package(Catch2 3 REQUIRED)

# One precompiled header, and the object with its code, for each set of options.
function(weir_parse_once target)
    string(MAKE_C_IDENTIFIER "weir_parsed${ARGN}" name)
    if(NOT TARGET ${name})
        set(empty ${PROJECT_BINARY_DIR}/empty.cpp)
        file(CONFIGURE OUTPUT ${empty} CONTENT "") # written only once
        add_library(${name} OBJECT ${empty})
        target_link_libraries(${name} PRIVATE weir::weir Catch2::Catch2WithMain)
        target_compile_options(${name} PRIVATE ${ARGN})
        target_precompile_headers(${name} PRIVATE
            <catch2/catch_test_macros.hpp> <atomic> <chrono> <coroutine> <memory> <optional> <span> <string> <thread>
            <vector> <weir/weir.hpp>)
        # Who includes it leaves the code of its inline functions to the object.
        target_compile_options(${name} PRIVATE -Xclang -fmodules-codegen)

        set(header ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.pch)
        set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
        string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
        separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}")
        add_custom_command(OUTPUT ${object}
            COMMAND ${CMAKE_CXX_COMPILER} ${flags} ${ARGN} -c ${header} -o ${object}
            DEPENDS ${name} $<TARGET_OBJECTS:${name}>
            COMMENT "Making the code of weir's inline functions"
            VERBATIM)
        set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
        add_library(${name}_code STATIC ${object})
        set_target_properties(${name}_code PROPERTIES LINKER_LANGUAGE CXX)
        target_link_libraries(${name}_code PUBLIC Catch2::Catch2) # whose inline functions are among them
    endif()
    target_compile_options(${target} PRIVATE ${ARGN})
    target_precompile_headers(${target} REUSE_FROM ${name})
    target_link_libraries(${target} PRIVATE ${name}_code)
endfunction()
