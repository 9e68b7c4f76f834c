#include "rag/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/fault.h"
#include "gateway/base/mem.h"

enum { FILE_MODE = 0600 };

static bool fail(struct err *err, const char *path)
{
    return err_set(err, ERR_bad_index, "%s: %s", path, strerror(errno));
}

static bool read_fd(int fd, const char *path, size_t max, struct str *bytes, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(err, path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
        return err_set(err, ERR_bad_index, "%s: not a file of at most %zu bytes", path, max);
    size_t n = (size_t)st.st_size, got = 0;
    char *p = mem_zalloc(n + 1);
    while (got < n) {
        ssize_t more = FAULT("blob.read") ? -1 : read(fd, p + got, n - got);
        if (more <= 0)
            break;
        got += (size_t)more;
    }
    if (got == n) {
        *bytes = (struct str){p, n};
        return true;
    }
    free(p);
    return err_set(err, ERR_bad_index, "%s: cannot be read whole", path);
}

bool blob_read(const char *path, size_t max, struct str *bytes, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, path);
    bool ok = read_fd(fd, path, max, bytes, err);
    close(fd);
    return ok;
}

static bool write_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = FAULT("blob.write") ? -1 : write(fd, bytes.p, bytes.n);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
    }
    return fsync(fd) == 0;
}

bool blob_write(const char *path, struct str bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return fail(err, path);
    bool ok = write_all(fd, bytes);
    if (!ok)
        fail(err, path);
    close(fd);
    return ok;
}

bool blob_sync_folder(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, path);
    bool ok = fsync(fd) == 0 || fail(err, path);
    close(fd);
    return ok;
}
