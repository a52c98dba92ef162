#include <polysem/version.h>

int main() { return polysem_version() == nullptr; }
