# Flags that every target of this project shares, and nothing of a project that includes it.
find_program(POLYSEM_CCACHE ccache)
if(PROJECT_IS_TOP_LEVEL AND POLYSEM_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${POLYSEM_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${POLYSEM_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${POLYSEM_CCACHE})
endif()

add_library(polysem_options INTERFACE)
target_compile_features(polysem_options INTERFACE cxx_std_20)
target_include_directories(polysem_options INTERFACE ${PROJECT_SOURCE_DIR}/lib/include)
target_compile_options(polysem_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wundef
  $<$<BOOL:${PROJECT_IS_TOP_LEVEL}>:-Werror>
  # g++ 12 sees overlapping copies in std::string's operator+ where there are none (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # Same bits everywhere: the compiler may not fuse a multiply and an add unless the source says so.
  -ffp-contract=off)
if(POLYSEM_SANITIZE)
  # g++ 12 with the address sanitizer takes parts of std::regex for uninitialized (GCC bug 105562).
  target_compile_options(polysem_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_compile_options(polysem_options INTERFACE -fsanitize=${POLYSEM_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(polysem_options INTERFACE -fsanitize=${POLYSEM_SANITIZE})
endif()
