#include "gateway/store/dir_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/scope.h"
#include "gateway/store/store.h"

enum { DIR_MODE = 0700, FILE_MODE = 0600, LOOSE_MODES = 0077 };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

char *dir_path(const char *dir, const char *name)
{
    struct buf path = BUF_INIT(PATH_MAX);
    buf_addf(&path, "%s/%s", dir, name);
    return buf_take(&path);
}

static bool make_one(const char *path, struct err *err)
{
    if (mkdir(path, DIR_MODE) == 0 || errno == EEXIST)
        return true;
    return err_set(err, ERR_store, "mkdir %s: %s", path, strerror(errno));
}

bool dir_make(const char *dir, struct err *err)
{
    SCOPED(buf_done) struct buf path = BUF_INIT(PATH_MAX);
    struct str rest = str_of(dir), part;
    for (bool first = true; str_next(&rest, '/', &part); first = false) {
        if (!first)
            buf_add(&path, STR("/"));
        buf_add(&path, part);
        if (part.n && !make_one(path.p, err))
            return false;
    }
    return true;
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    unsigned n = 0;
    while (d && readdir(d) && n <= 2) /* "." and ".." */
        n++;
    if (d)
        closedir(d);
    return d && n <= 2;
}

bool dir_secure(const char *dir, struct err *err)
{
    struct stat st;
    if (stat(dir, &st) != 0)
        return err_set(err, ERR_store, "stat %s: %s", dir, strerror(errno));
    if ((st.st_mode & LOOSE_MODES) == 0)
        return true;
    SCOPED(scope_free) char *ours = dir_path(dir, "master.key");
    if (access(ours, F_OK) != 0 && !is_empty(dir))
        return err_set(err, ERR_store,
                       "others may look into %s (mode %03o), and it holds what is not ours: name a "
                       "data_dir of its own, or chmod 700 it",
                       dir, (unsigned)st.st_mode & 0777);
    if (chmod(dir, DIR_MODE) != 0)
        return err_set(err, ERR_store,
                       "others may look into %s (mode %03o), and chmod 700 failed: %s", dir,
                       (unsigned)st.st_mode & 0777, strerror(errno));
    return true;
}

int dir_open(const char *dir, const char *name, int flags, struct err *err)
{
    SCOPED(scope_free) char *path = dir_path(dir, name);
    int fd = open(path, flags | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        err_set(err, ERR_store, "open %s: %s", path, strerror(errno));
    return fd;
}

static bool complain_locked(const char *dir, int fd, struct err *err)
{
    char pid[16] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return err_set(err, ERR_locked, "process %s owns the data directory %s (lock: %s/lock)",
                   pid[0] ? pid : "?", dir, dir);
}

int dir_lock(const char *dir, struct err *err)
{
    int fd = dir_open(dir, "lock", O_RDWR | O_CREAT, err);
    if (fd < 0)
        return -1;
    char pid[16];
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        complain_locked(dir, fd, err);
    else if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) == n)
        return fd;
    err_set(err, ERR_store, "lock %s/lock: %s", dir, strerror(errno));
    close(fd);
    return -1;
}

bool store_is_owned(const char *data_dir)
{
    struct err ignored = {0};
    SCOPED(close_fd) int fd = dir_open(data_dir, "lock", O_RDONLY, &ignored);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/* Under another name first, so that a crash leaves the whole file or none. */
static bool write_whole(int fd, struct str bytes, const char *from, const char *to)
{
    return write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && fsync(fd) == 0 && link(from, to) == 0;
}

bool dir_write(const char *dir, const char *name, struct str bytes, struct err *err)
{
    SCOPED(scope_free) char *to = dir_path(dir, name);
    SCOPED(buf_done) struct buf from = BUF_INIT(PATH_MAX);
    buf_addf(&from, "%s.new", to);
    unlink(from.p);
    SCOPED(close_fd) int fd = open(from.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    bool ok = fd >= 0 && write_whole(fd, bytes, from.p, to);
    if (!ok)
        err_set(err, errno == EEXIST ? ERR_conflict : ERR_store, "write %s: %s", to,
                strerror(errno));
    unlink(from.p);
    SCOPED(close_fd) int folder = ok ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (ok && fsync(folder) != 0)
        return err_set(err, ERR_store, "fsync %s: %s", dir, strerror(errno));
    return ok;
}

bool dir_master_key(const char *dir, bool make, struct hash *key, struct err *err)
{
    SCOPED(scope_free) char *path = dir_path(dir, "master.key");
    if (make && access(path, F_OK) != 0) {
        crypto_random(key->bytes, sizeof key->bytes);
        if (!dir_write(dir, "master.key", (struct str){(const char *)key->bytes, HASH_BYTES}, err))
            return false;
    }
    SCOPED(close_fd) int fd = dir_open(dir, "master.key", O_RDONLY, err);
    if (fd < 0)
        return false;
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size != HASH_BYTES ||
        read(fd, key->bytes, HASH_BYTES) != HASH_BYTES)
        return err_set(err, ERR_store, "%s is not a key of %d bytes", path, HASH_BYTES);
    return true;
}
