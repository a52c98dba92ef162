# Debian's bare-metal compiler (gcc-arm-none-eabi, libstdc++-arm-none-eabi-newlib); programs run on QEMU's board mps2-an505
# with semihosting.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m33)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m33 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")
set(POLYSEM_LINKER_SCRIPT code_at_0x10000000.ld)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-arm -M mps2-an505 -nographic -monitor none -serial none
    -semihosting-config enable=on,target=native -kernel)
