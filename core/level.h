/* What xu_hide_newer hides: asked wherever the library learns what the kernel has. */
#ifndef XU_CORE_LEVEL_H
#define XU_CORE_LEVEL_H

#include <stdbool.h>

/* Did this (a version as in ops.def, major * 1000 + minor) come after the kernel that is pretended? */
bool xu_hides(unsigned since);

/* The IORING_SETUP_* and IORING_FEAT_* that came after it. */
unsigned xu_hidden_setup_flags(void);
unsigned xu_hidden_features(void);

/* Is the register call hidden? `opcode` may have IORING_REGISTER_USE_REGISTERED_RING. */
bool xu_hidden_register(unsigned opcode);

/* Make what is queued and not published yet fail as it would there: see level.c. */
struct xu_ring;
void xu_hide_entries(struct xu_ring *ring);

/* Is anything hidden? */
bool xu_pretends(void);

#endif
