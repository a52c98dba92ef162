/* The little that a bare board needs before main(): vectors, the floating-point unit, zeroed memory. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t __bss_start, __bss_end, stack_top;
extern void __libc_init_array(void);
extern void initialise_monitor_handles(void); /* newlib: standard output by semihosting */
extern int main(void);

void* __dso_handle = 0; /* what destructors of globals are registered with */
void _init(void) {}
void _fini(void) {}

void reset(void) {
  volatile uint32_t* const coprocessor_access = (volatile uint32_t*)0xE000ED88;
  uint32_t* at;
  *coprocessor_access |= 0xFu << 20; /* full access to the floating-point unit */
  __asm__ volatile("dsb\nisb");
  for (at = &__bss_start; at < &__bss_end; ++at) *at = 0;
  initialise_monitor_handles();
  __libc_init_array();
  exit(main());
}

static void fault(void) { _Exit(99); }

__attribute__((section(".vectors"), used)) static const struct {
  uint32_t* stack;
  void (*handlers[6])(void); /* reset, NMI, and the faults */
} vectors = {&stack_top, {reset, fault, fault, fault, fault, fault}};
