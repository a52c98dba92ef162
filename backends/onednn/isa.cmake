# The kernels once more for each instruction set that the machine may have; the choice is made at run time
# (kernel_choice.cpp). Kernel files include no code of others that the linker could merge between sets.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(flags_avx2 -mavx2 -mfma)
  set(flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma)
  # A library, since its options come after those of polysem_options. Within one instruction set results are the same
  # bits on every run; between sets they differ by the rounding that a fused multiply-add saves and by the number of
  # lanes of a sum.
  add_library(polysem_onednn_contract INTERFACE)
  target_compile_options(polysem_onednn_contract INTERFACE -ffp-contract=fast)
  file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/onednn/kernels/*.cpp)
  foreach(isa IN ITEMS avx2 avx512)
    add_library(polysem_onednn_${isa} OBJECT ${kernels})
    target_link_libraries(polysem_onednn_${isa} PRIVATE polysem_options polysem_onednn_contract)
    target_include_directories(polysem_onednn_${isa} PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_definitions(polysem_onednn_${isa} PRIVATE POLYSEM_ISA=${isa})
    target_compile_options(polysem_onednn_${isa} PRIVATE ${flags_${isa}})
    set_target_properties(polysem_onednn_${isa} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
    list(APPEND POLYSEM_OBJECTS polysem_onednn_${isa})
  endforeach()
  target_compile_definitions(polysem_backend_onednn PRIVATE POLYSEM_ONEDNN_X86=1)
endif()
