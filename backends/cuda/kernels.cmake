# Sources with kernels, by nvcc, which takes other flags than the host's compiler. The library of matrix products is
# opened at run time, the rest of the runtime is linked into the program: it starts where there is no card.
target_link_libraries(polysem_backend_cuda PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
target_compile_definitions(polysem_backend_cuda PRIVATE POLYSEM_CUDA_LIBRARIES="${CUDAToolkit_LIBRARY_DIR}")

file(GLOB kernels CONFIGURE_DEPENDS cuda/*.cu)
add_library(polysem_backend_cuda_kernels OBJECT ${kernels})
target_include_directories(polysem_backend_cuda_kernels PRIVATE ${PROJECT_SOURCE_DIR}
                           ${PROJECT_SOURCE_DIR}/lib/include)
target_link_libraries(polysem_backend_cuda_kernels PRIVATE CUDA::cudart_static)
# The flag itself: CMake 3.25 knows no C++20 of nvcc.
target_compile_options(polysem_backend_cuda_kernels PRIVATE
  -std=c++20 -Xcompiler=-Wall,-Wextra,-Wshadow $<$<BOOL:${PROJECT_IS_TOP_LEVEL}>:-Werror=all-warnings>)
set_target_properties(polysem_backend_cuda_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)
list(APPEND POLYSEM_OBJECTS polysem_backend_cuda_kernels)
