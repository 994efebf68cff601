#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "errnames.h"

#ifndef EFTYPE
#define EFTYPE 134 /* newer than these headers: glibc 2.43 knows it */
#endif

/* Names and texts of glibc's C locale: strerrorname_np is not everywhere, strerror translates. */
#define ERRORS(ERROR)                                                                              \
	ERROR(EPERM, "Operation not permitted")                                                    \
	ERROR(ENOENT, "No such file or directory")                                                 \
	ERROR(ESRCH, "No such process")                                                            \
	ERROR(EINTR, "Interrupted system call")                                                    \
	ERROR(EIO, "Input/output error")                                                           \
	ERROR(ENXIO, "No such device or address")                                                  \
	ERROR(E2BIG, "Argument list too long")                                                     \
	ERROR(ENOEXEC, "Exec format error")                                                        \
	ERROR(EBADF, "Bad file descriptor")                                                        \
	ERROR(ECHILD, "No child processes")                                                        \
	ERROR(EAGAIN, "Resource temporarily unavailable")                                          \
	ERROR(ENOMEM, "Cannot allocate memory")                                                    \
	ERROR(EACCES, "Permission denied")                                                         \
	ERROR(EFAULT, "Bad address")                                                               \
	ERROR(ENOTBLK, "Block device required")                                                    \
	ERROR(EBUSY, "Device or resource busy")                                                    \
	ERROR(EEXIST, "File exists")                                                               \
	ERROR(EXDEV, "Invalid cross-device link")                                                  \
	ERROR(ENODEV, "No such device")                                                            \
	ERROR(ENOTDIR, "Not a directory")                                                          \
	ERROR(EISDIR, "Is a directory")                                                            \
	ERROR(EINVAL, "Invalid argument")                                                          \
	ERROR(ENFILE, "Too many open files in system")                                             \
	ERROR(EMFILE, "Too many open files")                                                       \
	ERROR(ENOTTY, "Inappropriate ioctl for device")                                            \
	ERROR(ETXTBSY, "Text file busy")                                                           \
	ERROR(EFBIG, "File too large")                                                             \
	ERROR(ENOSPC, "No space left on device")                                                   \
	ERROR(ESPIPE, "Illegal seek")                                                              \
	ERROR(EROFS, "Read-only file system")                                                      \
	ERROR(EMLINK, "Too many links")                                                            \
	ERROR(EPIPE, "Broken pipe")                                                                \
	ERROR(EDOM, "Numerical argument out of domain")                                            \
	ERROR(ERANGE, "Numerical result out of range")                                             \
	ERROR(EDEADLK, "Resource deadlock avoided")                                                \
	ERROR(ENAMETOOLONG, "File name too long")                                                  \
	ERROR(ENOLCK, "No locks available")                                                        \
	ERROR(ENOSYS, "Function not implemented")                                                  \
	ERROR(ENOTEMPTY, "Directory not empty")                                                    \
	ERROR(ELOOP, "Too many levels of symbolic links")                                          \
	ERROR(ENOMSG, "No message of desired type")                                                \
	ERROR(EIDRM, "Identifier removed")                                                         \
	ERROR(ECHRNG, "Channel number out of range")                                               \
	ERROR(EL2NSYNC, "Level 2 not synchronized")                                                \
	ERROR(EL3HLT, "Level 3 halted")                                                            \
	ERROR(EL3RST, "Level 3 reset")                                                             \
	ERROR(ELNRNG, "Link number out of range")                                                  \
	ERROR(EUNATCH, "Protocol driver not attached")                                             \
	ERROR(ENOCSI, "No CSI structure available")                                                \
	ERROR(EL2HLT, "Level 2 halted")                                                            \
	ERROR(EBADE, "Invalid exchange")                                                           \
	ERROR(EBADR, "Invalid request descriptor")                                                 \
	ERROR(EXFULL, "Exchange full")                                                             \
	ERROR(ENOANO, "No anode")                                                                  \
	ERROR(EBADRQC, "Invalid request code")                                                     \
	ERROR(EBADSLT, "Invalid slot")                                                             \
	ERROR(EBFONT, "Bad font file format")                                                      \
	ERROR(ENOSTR, "Device not a stream")                                                       \
	ERROR(ENODATA, "No data available")                                                        \
	ERROR(ETIME, "Timer expired")                                                              \
	ERROR(ENOSR, "Out of streams resources")                                                   \
	ERROR(ENONET, "Machine is not on the network")                                             \
	ERROR(ENOPKG, "Package not installed")                                                     \
	ERROR(EREMOTE, "Object is remote")                                                         \
	ERROR(ENOLINK, "Link has been severed")                                                    \
	ERROR(EADV, "Advertise error")                                                             \
	ERROR(ESRMNT, "Srmount error")                                                             \
	ERROR(ECOMM, "Communication error on send")                                                \
	ERROR(EPROTO, "Protocol error")                                                            \
	ERROR(EMULTIHOP, "Multihop attempted")                                                     \
	ERROR(EDOTDOT, "RFS specific error")                                                       \
	ERROR(EBADMSG, "Bad message")                                                              \
	ERROR(EOVERFLOW, "Value too large for defined data type")                                  \
	ERROR(ENOTUNIQ, "Name not unique on network")                                              \
	ERROR(EBADFD, "File descriptor in bad state")                                              \
	ERROR(EREMCHG, "Remote address changed")                                                   \
	ERROR(ELIBACC, "Can not access a needed shared library")                                   \
	ERROR(ELIBBAD, "Accessing a corrupted shared library")                                     \
	ERROR(ELIBSCN, ".lib section in a.out corrupted")                                          \
	ERROR(ELIBMAX, "Attempting to link in too many shared libraries")                          \
	ERROR(ELIBEXEC, "Cannot exec a shared library directly")                                   \
	ERROR(EILSEQ, "Invalid or incomplete multibyte or wide character")                         \
	ERROR(ERESTART, "Interrupted system call should be restarted")                             \
	ERROR(ESTRPIPE, "Streams pipe error")                                                      \
	ERROR(EUSERS, "Too many users")                                                            \
	ERROR(ENOTSOCK, "Socket operation on non-socket")                                          \
	ERROR(EDESTADDRREQ, "Destination address required")                                        \
	ERROR(EMSGSIZE, "Message too long")                                                        \
	ERROR(EPROTOTYPE, "Protocol wrong type for socket")                                        \
	ERROR(ENOPROTOOPT, "Protocol not available")                                               \
	ERROR(EPROTONOSUPPORT, "Protocol not supported")                                           \
	ERROR(ESOCKTNOSUPPORT, "Socket type not supported")                                        \
	ERROR(EOPNOTSUPP, "Operation not supported")                                               \
	ERROR(EPFNOSUPPORT, "Protocol family not supported")                                       \
	ERROR(EAFNOSUPPORT, "Address family not supported by protocol")                            \
	ERROR(EADDRINUSE, "Address already in use")                                                \
	ERROR(EADDRNOTAVAIL, "Cannot assign requested address")                                    \
	ERROR(ENETDOWN, "Network is down")                                                         \
	ERROR(ENETUNREACH, "Network is unreachable")                                               \
	ERROR(ENETRESET, "Network dropped connection on reset")                                    \
	ERROR(ECONNABORTED, "Software caused connection abort")                                    \
	ERROR(ECONNRESET, "Connection reset by peer")                                              \
	ERROR(ENOBUFS, "No buffer space available")                                                \
	ERROR(EISCONN, "Transport endpoint is already connected")                                  \
	ERROR(ENOTCONN, "Transport endpoint is not connected")                                     \
	ERROR(ESHUTDOWN, "Cannot send after transport endpoint shutdown")                          \
	ERROR(ETOOMANYREFS, "Too many references: cannot splice")                                  \
	ERROR(ETIMEDOUT, "Connection timed out")                                                   \
	ERROR(ECONNREFUSED, "Connection refused")                                                  \
	ERROR(EHOSTDOWN, "Host is down")                                                           \
	ERROR(EHOSTUNREACH, "No route to host")                                                    \
	ERROR(EALREADY, "Operation already in progress")                                           \
	ERROR(EINPROGRESS, "Operation now in progress")                                            \
	ERROR(ESTALE, "Stale file handle")                                                         \
	ERROR(EUCLEAN, "Structure needs cleaning")                                                 \
	ERROR(ENOTNAM, "Not a XENIX named type file")                                              \
	ERROR(ENAVAIL, "No XENIX semaphores available")                                            \
	ERROR(EISNAM, "Is a named type file")                                                      \
	ERROR(EREMOTEIO, "Remote I/O error")                                                       \
	ERROR(EDQUOT, "Disk quota exceeded")                                                       \
	ERROR(ENOMEDIUM, "No medium found")                                                        \
	ERROR(EMEDIUMTYPE, "Wrong medium type")                                                    \
	ERROR(ECANCELED, "Operation canceled")                                                     \
	ERROR(ENOKEY, "Required key not available")                                                \
	ERROR(EKEYEXPIRED, "Key has expired")                                                      \
	ERROR(EKEYREVOKED, "Key has been revoked")                                                 \
	ERROR(EKEYREJECTED, "Key was rejected by service")                                         \
	ERROR(EOWNERDEAD, "Owner died")                                                            \
	ERROR(ENOTRECOVERABLE, "State not recoverable")                                            \
	ERROR(ERFKILL, "Operation not possible due to RF-kill")                                    \
	ERROR(EHWPOISON, "Memory page has hardware error")                                         \
	ERROR(EFTYPE, "Inappropriate file type or format")

static const struct {
	struct pen_word name;
	const char *text;
} errors[] = {
#define ERROR_ROW(symbol, text) [symbol] = {PEN_WORD(#symbol), text},
	ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

#define ERRORS_END ((int)(sizeof errors / sizeof *errors))

/* Second names of the same numbers. */
static const struct {
	const char *name;
	int error;
} aliases[] = {
	{"EWOULDBLOCK", EWOULDBLOCK},
	{"EDEADLOCK", EDEADLOCK},
	{"ENOTSUP", ENOTSUP},
};

static bool same(const char *known, const char *name, size_t length)
{
	return length > 0 && strlen(known) == length && memcmp(known, name, length) == 0;
}

const struct pen_word *errno_word(int error)
{
	bool known = error > 0 && error < ERRORS_END && errors[error].name.length > 0;
	return known ? &errors[error].name : NULL;
}

const char *errno_name(int error)
{
	const struct pen_word *word = errno_word(error);
	return word != NULL ? word->text : NULL;
}

const char *errno_text(int error)
{
	return error > 0 && error < ERRORS_END ? errors[error].text : NULL;
}

int errno_number(const char *name, size_t length)
{
	for (int error = 1; error < ERRORS_END; error++) {
		if (same(errors[error].name.text, name, length)) {
			return error;
		}
	}
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		if (same(aliases[i].name, name, length)) {
			return aliases[i].error;
		}
	}
	return 0;
}

void errno_write(struct text *text, int error)
{
	const char *name = errno_name(error);
	if (error == 0) {
		text_string(text, "none");
	} else if (name) {
		text_string(text, name);
	} else {
		text_char(text, 'E');
		text_number(text, error);
	}
}
