/*
 * PDF: the text that poppler's pdftotext reads, by a child process with limits of time
 * and memory, for such a file may be anything.  Pages part sections; the document's
 * text is what was read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/utf8.h"
#include "rag/document_priv.h"

enum { CHILD_MS = 60 * 1000, CHILD_CPU_S = 60, EXIT_PERMISSION = 3, EXIT_NO_PROGRAM = 127 };
#define CHILD_MEMORY_BYTES ((rlim_t)2 << 30)

extern char **environ;

/* Does not start, -1; else its pid, and *out what it prints. */
static pid_t start(const char *file, int *out)
{
    const char *argv[] = {"pdftotext", "-q", "-enc", "UTF-8", "-eol", "unix", file, "-", NULL};
    int pipe_fds[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    if (rc != 0) {
        close(pipe_fds[0]);
        errno = rc;
        return -1;
    }
    prlimit(pid, RLIMIT_CPU, &(struct rlimit){CHILD_CPU_S, CHILD_CPU_S}, NULL);
    prlimit(pid, RLIMIT_AS, &(struct rlimit){CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES}, NULL);
    *out = pipe_fds[0];
    return pid;
}

/* False: it took too long, or said too much. */
static bool drain(int fd, struct buf *text)
{
    int64_t end_ms = clock_now_ms() + CHILD_MS;
    char piece[64 * 1024];
    for (;;) {
        int64_t left_ms = end_ms - clock_now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0)
            return false;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n <= 0)
            return n == 0;
        buf_add(text, (struct str){piece, (size_t)n});
        if (!buf_ok(text))
            return false;
    }
}

static void add(struct source *s, const struct buf *text)
{
    struct corpus *c = s->corpus;
    for (size_t i = 0, n; i < text->n; i += n)
        if ((n = utf8_len((struct str){text->p + i, text->n - i})) == 0 || !text->p[i]) {
            source_problem(s, 0,
                           "pdftotext gives bytes that are no text; print the file to PDF anew");
            return;
        }
    if (text_is_blank(buf_str(text))) {
        source_problem(s, 0, "the PDF holds no text, perhaps only scans; run it through OCR first");
        return;
    }
    source_add(s,
               &(struct document){.id = s->id,
                                  .title = STR(""),
                                  .text = {arena_strdup(&c->arena, buf_str(text)), text->n}},
               1, 1);
}

void read_pdf(struct source *s)
{
    if (!str_starts(s->bytes, STR("%PDF-"))) {
        source_problem(
            s, 0,
            "this is no PDF: it does not begin with %%PDF-; give it the suffix of its format");
        return;
    }
    int fd = -1, status = 0;
    pid_t pid = start(s->file, &fd);
    if (pid < 0) {
        source_problem(s, 0, "pdftotext cannot be run (%s); install poppler-utils",
                       strerror(errno));
        return;
    }
    struct buf text = BUF_INIT(DOCUMENT_MAX_BYTES);
    bool whole = drain(fd, &text);
    if (!whole)
        kill(pid, SIGKILL);
    close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!whole)
        source_problem(
            s, 0, "reading it takes more than 60 s, or gives more than 64 MiB; split the file");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM)
        source_problem(s, 0, "pdftotext cannot be run; install poppler-utils");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        source_problem(s, 0, "%s",
                       WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PERMISSION
                           ? "the PDF does not allow its text to be copied; take the protection off"
                           : "the PDF is damaged or needs a password; save it anew, without one");
    else
        add(s, &text);
    buf_done(&text);
}
