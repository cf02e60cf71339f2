# cmake/install.cmake: installs the headers and the package that find_package(weir) finds.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Nothing here depends on the architecture, so the package lies in share and not in lib.
set(weir_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/weir)

install(TARGETS weir EXPORT weir_targets FILE_SET HEADERS)
install(EXPORT weir_targets NAMESPACE weir:: FILE weir-targets.cmake DESTINATION ${weir_package_dir})

write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/weir-config-version.cmake
    COMPATIBILITY SameMinorVersion
    ARCH_INDEPENDENT)
install(
    FILES ${PROJECT_SOURCE_DIR}/cmake/weir-config.cmake ${PROJECT_BINARY_DIR}/weir-config-version.cmake
    DESTINATION ${weir_package_dir})
