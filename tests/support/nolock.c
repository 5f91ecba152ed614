/* A file system that cannot lock, for paths that hold $NOLOCK; $ERRNO is what it says. To be preloaded.
   $HOW: all, set (it can be asked who holds a lock), map (locks, but no memory can be shared). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int is_there(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strstr(path, getenv("NOLOCK")) != NULL;
}

static int how(const char *word) { return !strcmp(getenv("HOW"), word); }

int fcntl64(int descriptor, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int locks = command == F_SETLK || command == F_SETLKW || (command == F_GETLK && how("all"));
    if (locks && !how("map") && is_there(descriptor)) {
        errno = atoi(getenv("ERRNO"));
        return -1;
    }
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, "fcntl64");
    return real(descriptor, command, argument);
}

void *mmap64(void *at, size_t length, int access, int flags, int descriptor, off_t offset) {
    if (how("map") && (flags & MAP_SHARED) && descriptor >= 0 && is_there(descriptor)) {
        errno = atoi(getenv("ERRNO"));
        return MAP_FAILED;
    }
    void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap64");
    return real(at, length, access, flags, descriptor, offset);
}

int flock(int descriptor, int operation) {
    if (is_there(descriptor)) {
        errno = atoi(getenv("ERRNO"));
        return -1;
    }
    int (*real)(int, int) = dlsym(RTLD_NEXT, "flock");
    return real(descriptor, operation);
}
