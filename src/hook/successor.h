/* The program that exec is about to start: where the preload ends, that is said. */
#ifndef RESETBY_HOOK_SUCCESSOR_H
#define RESETBY_HOOK_SUCCESSOR_H

/** Before a fork: what the child tells, its parent and later children do not tell again. */
void successor_share(void);

/**
 * Tell when the program will not have the library although its environment asks for it: static or
 * Go binaries, set-user-ID programs and the like; once for each file in this
 * process and all that it forks. Between vfork
 * and exec it is only noted: the log's descriptor would be the child's.
 *
 * @path
 *         The file, as execve takes it.
 * @argv, envp
 *         May be NULL.
 */
void successor_path(const char *path, char *const argv[], char *const envp[]);

/** The same for a name that is looked for in PATH, as execvp takes it. */
void successor_name(const char *name, char *const argv[], char *const envp[]);

/** The same for a path below a directory, or an open file where the path is empty. */
void successor_at(int directory, const char *path, char *const argv[], char *const envp[]);

/** vfork has returned in the parent: tell what its child noted. */
void successor_tell_noted(void);

#endif
