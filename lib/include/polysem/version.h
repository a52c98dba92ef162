#ifndef POLYSEM_VERSION_H_
#define POLYSEM_VERSION_H_

#define POLYSEM_VERSION_MAJOR 0
#define POLYSEM_VERSION_MINOR 1
#define POLYSEM_VERSION_PATCH 0
#define POLYSEM_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library that was linked, "MAJOR.MINOR.PATCH" (semantic versioning). Compare it with
   POLYSEM_VERSION, the version of the headers. The string lives as long as the program. */
const char* polysem_version(void);

#ifdef __cplusplus
}
#endif

#endif
