# polysem-backend-test: whether backends compute what the reference does. Thousands of small cases, and one process is
# far quicker than one each.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_executable(test_conformance ${sources})
set_target_properties(test_conformance PROPERTIES OUTPUT_NAME polysem-backend-test
                      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
target_include_directories(test_conformance PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(test_conformance PRIVATE polysem_options polysem GTest::gtest nlohmann_json::nlohmann_json)

# Test NAME of what --device DEVICES means, with further options; ENVIRONMENT, PROCESSORS and LABELS as ctest knows them.
function(polysem_conformance_test name devices)
  cmake_parse_arguments(PARSE_ARGV 2 given "" "LABELS;PROCESSORS" "ENVIRONMENT;OPTIONS")
  add_test(NAME ${name} COMMAND test_conformance --gtest_brief=1 --device ${devices} ${given_OPTIONS})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS fast ENVIRONMENT "${given_ENVIRONMENT}")
  if(given_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS ${given_LABELS})
  endif()
  if(given_PROCESSORS)
    set_tests_properties(${name} PROPERTIES PROCESSORS ${given_PROCESSORS})
  endif()
endfunction()

set(on_host reference)
if(POLYSEM_BACKEND_ONEDNN)
  set(on_host onednn,reference)
endif()
polysem_conformance_test(conformance ${on_host})
if(POLYSEM_BACKEND_VULKAN)
  # Under the validation layer, whose every message fails a case. Every day the windows below and tests/vulkan do.
  polysem_conformance_test(conformance.vulkan vulkan:llvmpipe PROCESSORS 2 LABELS slow OPTIONS --filter=-SameBits
    ENVIRONMENT POLYSEM_VK_VALIDATE=1)
  polysem_conformance_test(conformance.vulkan_threads vulkan:llvmpipe PROCESSORS 2 LABELS slow
    OPTIONS --filter=SameBits ENVIRONMENT POLYSEM_VK_VALIDATE=1)
  # The ops that cut large operands into windows, with windows so small that the cases need several.
  polysem_conformance_test(conformance.vulkan_windows vulkan:llvmpipe PROCESSORS 2 LABELS slow
    OPTIONS "--filter=Matches*_gemm_:Matches*_gather_:Matches*_scatter_:Matches*_reduce_:Matches*_sparse_"
    ENVIRONMENT POLYSEM_VK_MAX_RANGE=65536)
endif()
if(POLYSEM_BACKEND_CUDA)  # skipped where there is no card
  polysem_conformance_test(conformance.cuda cuda)
  set_tests_properties(conformance.cuda PROPERTIES SKIP_RETURN_CODE 4)
endif()

find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  add_test(NAME conformance.program COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/check_program.py
           $<TARGET_FILE:test_conformance> ${CMAKE_CURRENT_BINARY_DIR}/conformance_program
           $<$<BOOL:${POLYSEM_BACKEND_VULKAN}>:vulkan:llvmpipe>)
  set_tests_properties(conformance.program PROPERTIES LABELS slow TIMEOUT 300)
endif()

# The CUDA backend on a device that the host plays: its sources as plain C++, its kernels' threads as fibers. It shows
# that they compute the right thing, with no card and no toolkit. Fibers are nothing for a sanitizer; trajectories take
# minutes; and here work groups run in one order always, which has the same bits by itself.
if(NOT POLYSEM_SANITIZE)
  set(cuda ${PROJECT_SOURCE_DIR}/tests/cuda)
  file(GLOB sources CONFIGURE_DEPENDS ${cuda}/*.cpp ${cuda}/emulated/*.cpp ${PROJECT_SOURCE_DIR}/backends/cuda/*.cpp)
  list(FILTER sources EXCLUDE REGEX "cublaslt_loader.cpp$")
  file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/backends/cuda/*.cu)
  set_source_files_properties(${kernels} PROPERTIES LANGUAGE CXX)
  add_library(cuda_emulated OBJECT ${sources})
  function(polysem_emulated_program name)  # of kernels, given as sources, and of what all such programs have
    add_executable(${name} $<TARGET_OBJECTS:cuda_emulated> $<TARGET_OBJECTS:test_conformance> ${ARGN})
    target_link_libraries(${name} PRIVATE nlohmann_json::nlohmann_json)
    set(targets ${targets} ${name} PARENT_SCOPE)
  endfunction()
  set(targets cuda_emulated)
  polysem_emulated_program(test_cuda_emulated ${kernels})
  # Every access to memory noted, for emulated/races.cpp: the hooks of a sanitizer, without its library.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    polysem_emulated_program(test_cuda_races ${kernels} ${cuda}/races/races_test.cpp)
    target_compile_options(test_cuda_races PRIVATE -fsanitize=thread)
    set(cases "Matches*_33x65:Matches*_transpose_:Matches*_threshold_grad_:Matches*_latent_grad_")
    add_test(NAME conformance.cuda_races COMMAND test_cuda_races --device cuda --gtest_brief=1
             "--filter=CudaRaces.*:${cases}:Matches*_tied_grad_integer:Matches*_toy_grad_flags5")
    set_tests_properties(conformance.cuda_races PROPERTIES LABELS slow TIMEOUT 900)
  endif()
  foreach(target IN LISTS targets)
    target_include_directories(${target} BEFORE PRIVATE ${cuda}/emulated ${PROJECT_SOURCE_DIR})
    target_compile_options(${target} PRIVATE -Wno-unknown-pragmas)
    target_link_libraries(${target} PRIVATE polysem_options polysem GTest::gtest)
  endforeach()
  foreach(shard RANGE 3)
    add_test(NAME conformance.cuda_emulated_${shard} COMMAND test_cuda_emulated --device cuda --gtest_brief=1
             "--filter=-Trajector:SameBits:ConformanceTable:Reference*.*")
    set_tests_properties(conformance.cuda_emulated_${shard} PROPERTIES LABELS slow TIMEOUT 900
      ENVIRONMENT "GTEST_TOTAL_SHARDS=4;GTEST_SHARD_INDEX=${shard}")
  endforeach()
endif()
