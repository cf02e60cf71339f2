# cmake/install.cmake: installs the headers, the package that find_package(weir) finds and what pkg-config reads.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Nothing here depends on the architecture, so the packages lie in share and not in lib.
set(weir_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/weir)
set(weir_pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(TARGETS weir EXPORT weir_targets FILE_SET HEADERS)
install(EXPORT weir_targets NAMESPACE weir:: FILE weir-targets.cmake DESTINATION ${weir_package_dir})

write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/weir-config-version.cmake
    COMPATIBILITY SameMinorVersion
    ARCH_INDEPENDENT)
install(
    FILES ${PROJECT_SOURCE_DIR}/cmake/weir-config.cmake ${PROJECT_SOURCE_DIR}/cmake/weir-optional.cmake
          ${PROJECT_BINARY_DIR}/weir-config-version.cmake
          ${PROJECT_SOURCE_DIR}/module/weir.cppm # a source: whoever imports it builds it with flags of their own
    DESTINATION ${weir_package_dir})

file(RELATIVE_PATH weir_prefix_from_pc /${weir_pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" weir_prefix_from_pc "${weir_prefix_from_pc}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/weir.pc.in ${PROJECT_BINARY_DIR}/weir.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weir.pc DESTINATION ${weir_pkgconfig_dir})
