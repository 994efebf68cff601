/*
 * -fvisibility=hidden holds for what is defined; a declaration has to say it too, or each access to
 * the variable costs a look at the GOT. For the variables that every call reads.
 */
#ifndef RESETBY_SYS_HIDDEN_H
#define RESETBY_SYS_HIDDEN_H

#define HIDDEN __attribute__((visibility("hidden")))

#endif
