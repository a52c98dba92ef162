# Every shaders/*.comp becomes SPIR-V inside the library; shaders/*.glsl is what they include.
file(GLOB shaders CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_LIST_DIR}/shaders ${CMAKE_CURRENT_LIST_DIR}/shaders/*.comp)
set(folder ${CMAKE_CURRENT_BINARY_DIR}/vulkan)
file(MAKE_DIRECTORY ${folder})
set(arrays "")
set(rows "")
set(words "")

# What Debian 12's glslc cannot compile is left out there.
set(probe ${folder}/cooperative_probe.comp)
file(WRITE ${probe} "#version 450\n#extension GL_KHR_cooperative_matrix : require\nvoid main() {}\n")
execute_process(COMMAND ${POLYSEM_GLSLC} --target-env=vulkan1.2 ${probe} -o ${probe}.spv RESULT_VARIABLE failed
                OUTPUT_QUIET ERROR_QUIET)
if(failed)
  list(REMOVE_ITEM shaders gemm_cooperative.comp)
  message(STATUS "Vulkan backend: no shaders for cooperative matrices, which this glslc does not know")
endif()

foreach(shader IN LISTS shaders)
  get_filename_component(name ${shader} NAME_WE)
  set(optimise -O)
  if(name MATCHES "cooperative")  # some versions of the optimiser break them
    set(optimise -O0)
  endif()
  set(output ${folder}/${name}.spv.inc)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${POLYSEM_GLSLC} --target-env=vulkan1.2 ${optimise} -Werror -mfmt=c -MD -MF ${output}.d -MT ${output}
            ${CMAKE_CURRENT_LIST_DIR}/shaders/${shader} -o ${output}
    DEPENDS ${CMAKE_CURRENT_LIST_DIR}/shaders/${shader}
    DEPFILE ${output}.d
    COMMENT "Compiling shader ${name}"
    VERBATIM)
  list(APPEND words ${output})
  string(APPEND arrays "constexpr std::uint32_t k_${name}[] =\n#include \"${name}.spv.inc\"\n    ;\n")
  string(APPEND rows "    {\"${name}\", k_${name}},\n")
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/shader_table.cpp.in ${folder}/shader_table.cpp @ONLY)
set_source_files_properties(${folder}/shader_table.cpp PROPERTIES OBJECT_DEPENDS "${words}")
target_sources(polysem_backend_vulkan PRIVATE ${folder}/shader_table.cpp)
target_include_directories(polysem_backend_vulkan SYSTEM PRIVATE ${POLYSEM_VULKAN_INCLUDE} ${POLYSEM_VOLK_INCLUDE})

# volk's variables bear the names of the API's functions. Here they get others, so that a program which links libvulkan
# (or has a volk of its own) can link this library too.
file(STRINGS ${POLYSEM_VOLK_INCLUDE}/volk.h lines REGEX "^extern PFN_vk|^[A-Za-z].* volk[A-Za-z]+\\(")
set(renamed "")
foreach(line IN LISTS lines)
  string(REGEX MATCH " (volk|vk)[A-Z][A-Za-z0-9]*" name "${line}")
  string(STRIP "${name}" name)
  string(APPEND renamed "#define ${name} polysem_${name}\n")
endforeach()
file(CONFIGURE OUTPUT ${folder}/volk_names.h CONTENT "${renamed}" @ONLY)
target_include_directories(polysem_backend_vulkan SYSTEM PRIVATE ${folder})
