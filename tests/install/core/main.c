#include <polysem/version.h>
#include <stdio.h>

int main(void) {
  printf("polysem %s\n", polysem_version());
  return 0;
}
