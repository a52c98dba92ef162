# What `cmake --install` puts into a prefix: libraries, headers, the CMake package, and the programs if built.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/polysem)

# Two exports, so that polysem::core can be had on a machine without the libraries that the hosted one needs.
install(TARGETS polysem_core EXPORT polysem_core_targets ARCHIVE)
install(TARGETS polysem EXPORT polysem_targets ARCHIVE)
install(EXPORT polysem_core_targets NAMESPACE polysem:: DESTINATION ${package})
install(EXPORT polysem_targets NAMESPACE polysem:: DESTINATION ${package})
install(DIRECTORY lib/include/polysem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY lib/core/examples DESTINATION ${CMAKE_INSTALL_DATADIR}/polysem)

configure_package_config_file(cmake/polysemConfig.cmake.in ${PROJECT_BINARY_DIR}/polysemConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/polysemConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/polysemConfig.cmake ${PROJECT_BINARY_DIR}/polysemConfigVersion.cmake
        cmake/FindoneDNN.cmake DESTINATION ${package})

foreach(program IN ITEMS polysem_program polysem_microbench)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME)
  endif()
endforeach()
