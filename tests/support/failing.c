/* A file system some of whose system calls fail: to be preloaded. `fail` and `heal` arrange it, and
   so does FAILING=CALL:ERRNO:UNDER[,...] in the environment. "open" is any opening for writing;
   "tmpfile" that of a file without a name. Nothing is really synced: that takes long. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static struct { char call[16]; int error; char under[PATH_MAX]; } faults[8];
static int count;

void heal(void) { count = 0; }

void fail(const char *call, int error, const char *under) {
    snprintf(faults[count].call, sizeof faults[count].call, "%s", call);
    snprintf(faults[count].under, sizeof faults[count].under, "%s", under);
    faults[count++].error = error;
}

__attribute__((constructor)) static void from_environment(void) {
    const char *text = getenv("FAILING");
    char call[16], under[PATH_MAX];
    int error, length;
    while (text && sscanf(text, "%15[^:]:%d:%[^,]%n", call, &error, under, &length) == 3) {
        fail(call, error, under);
        text += length + (text[length] == ',');
    }
}

static int fails(const char *call, const char *path) {
    char whole[2 * PATH_MAX];
    if (!count) return 0;
    if (path[0] == '/' || !getcwd(whole, PATH_MAX)) whole[0] = 0;
    else strcat(whole, "/");
    strncat(whole, path, PATH_MAX);
    for (int i = 0; i < count; i++)
        if (!strcmp(faults[i].call, call) && strstr(whole, faults[i].under)) {
            errno = faults[i].error;
            return 1;
        }
    return 0;
}

static int fails_at(const char *call, int descriptor) {
    char link[64], path[PATH_MAX];
    if (!count) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

static int refused(const char *path, int flags) {
    if ((flags & O_TMPFILE) == O_TMPFILE && fails("tmpfile", path)) return 1;
    return (flags & O_ACCMODE) != O_RDONLY && fails("open", path);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return refused(path, flags) ? -1 : REAL(open, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return refused(path, flags) ? -1 : REAL(open64, path, flags, mode);
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    return fails_at("write", descriptor) ? -1 : REAL(write, descriptor, bytes, size);
}

int fsync(int descriptor) { return fails_at("fsync", descriptor) ? -1 : 0; }

int close(int descriptor) {
    int failed = fails_at("close", descriptor), error = errno, closed = REAL(close, descriptor);
    if (failed) errno = error;
    return failed ? -1 : closed;
}

int link(const char *from, const char *to) { return fails("link", to) ? -1 : REAL(link, from, to); }

int rename(const char *from, const char *to) {
    return fails("rename", to) ? -1 : REAL(rename, from, to);
}

int chmod(const char *path, mode_t mode) { return fails("chmod", path) ? -1 : REAL(chmod, path, mode); }

int unlink(const char *path) { return fails("unlink", path) ? -1 : REAL(unlink, path); }

int rmdir(const char *path) { return fails("rmdir", path) ? -1 : REAL(rmdir, path); }

int mkdir(const char *path, mode_t mode) { return fails("mkdir", path) ? -1 : REAL(mkdir, path, mode); }
