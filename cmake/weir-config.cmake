# weir-config.cmake: what find_package(weir) reads; it defines the target weir::weir, and weir_MODULE, which is where the
# source of the module lies.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/weir-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/weir-optional.cmake)
weir_use_what_is_found(weir::weir)
set(weir_MODULE ${CMAKE_CURRENT_LIST_DIR}/weir.cppm)
