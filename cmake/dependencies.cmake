# Libraries of others that the hosted library is built with; here, so that every folder below sees the targets.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
if(POLYSEM_BACKEND_ONEDNN)
  find_package(oneDNN 2.6 REQUIRED)
  find_package(TBB REQUIRED)
endif()
