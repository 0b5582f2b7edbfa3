/* The load generator of `make bench`: one for all servers, and cheaper than any of them.

   Usage: load PORT CONTENT < PLAN. Prints the seconds from the first byte sent to the last answer
   received. The plan has a line "CONNECTION HEAD OFFSET BODY TAIL STATUS" for each request and
   after it HEAD and TAIL bytes as they are to be sent; BODY bytes between them come out of the file
   CONTENT from OFFSET on, by sendfile. Each connection has a thread, sends its requests one after
   the other and keeps nothing of the answers. Any other status than STATUS ends it all. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 64, MOST_HEAD = 16384, DISCARDED = 1 << 20 };

struct request {
    struct request *next;
    size_t head, offset, body, tail;
    int status;
    char bytes[];
};

struct connection {
    int socket;
    struct request *first, **last;
    pthread_t thread;
};

static struct connection connections[MOST_CONNECTIONS];
static int content, used;

static void fail(const char *why, const char *what) {
    fprintf(stderr, "load: %s %s\n", why, what);
    exit(1);
}

static void send_bytes(int to, const char *bytes, size_t length, int flags) {
    while (length) {
        ssize_t sent = send(to, bytes, length, flags | MSG_NOSIGNAL);
        if (sent < 0)
            fail("cannot send:", strerror(errno));
        bytes += sent;
        length -= sent;
    }
}

static void send_content(int to, off_t offset, size_t length) {
    while (length) {
        ssize_t sent = sendfile(to, content, &offset, length);
        if (sent <= 0)
            fail("cannot send a body:", sent ? strerror(errno) : "the content is too short");
        length -= sent;
    }
}

static void discard(int from, size_t length) {
    while (length) { /* MSG_TRUNC: the kernel drops the bytes, nobody copies them */
        ssize_t got = recv(from, NULL, length < DISCARDED ? length : DISCARDED, MSG_TRUNC);
        if (got <= 0)
            fail("an answer ended early", "");
        length -= got;
    }
}

/* Everything up to the empty line; what belongs to the body stays in the socket. */
static void receive_head(int from, char *head) {
    size_t have = 0;
    for (;;) {
        ssize_t seen = recv(from, head + have, MOST_HEAD - 1 - have, MSG_PEEK);
        if (seen <= 0)
            fail("no answer:", seen ? strerror(errno) : "the server has hung up");
        head[have + seen] = 0;
        char *end = strstr(head, "\r\n\r\n");
        size_t wanted = end ? (size_t)(end + 4 - head) - have : (size_t)seen;
        recv(from, head + have, wanted, 0);
        have += wanted;
        head[have] = 0;
        if (end)
            return;
    }
}

static void receive_answer(int from, int status) {
    char head[MOST_HEAD];
    receive_head(from, head);
    if (atoi(head + 9) != status)
        fail("another answer than wanted:\n", head);
    char *length = strcasestr(head, "\r\ncontent-length:");
    if (length)
        discard(from, strtoull(length + 17, NULL, 10));
}

static void *drive(void *given) {
    struct connection *own = given;
    for (struct request *each = own->first; each; each = each->next) {
        send_bytes(own->socket, each->bytes, each->head, each->body ? MSG_MORE : 0);
        send_content(own->socket, each->offset, each->body);
        send_bytes(own->socket, each->bytes + each->head, each->tail, 0);
        receive_answer(own->socket, each->status);
    }
    return NULL;
}

static int connected(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int made = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (connect(made, (struct sockaddr *)&address, sizeof address))
        fail("cannot connect:", strerror(errno));
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

static void read_plan(void) {
    int connection, status;
    size_t head, offset, body, tail;
    while (scanf("%d %zu %zu %zu %zu %d", &connection, &head, &offset, &body, &tail, &status) == 6) {
        struct request *each = calloc(1, sizeof *each + head + tail);
        each->head = head, each->offset = offset, each->body = body, each->tail = tail;
        each->status = status;
        if (connection >= MOST_CONNECTIONS || getchar() != '\n')
            fail("the plan is wrong", "");
        if (fread(each->bytes, 1, head + tail, stdin) != head + tail)
            fail("the plan ends early", "");
        struct connection *own = &connections[connection];
        *(own->last ? own->last : &own->first) = each;
        own->last = &each->next;
        used = connection >= used ? connection + 1 : used;
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **words) {
    if (count != 3 || (content = open(words[2], O_RDONLY)) < 0)
        fail("usage: load PORT CONTENT < PLAN", "");
    read_plan();
    for (int each = 0; each < used; each++)
        connections[each].socket = connected(atoi(words[1]));
    double begun = now();
    for (int each = 0; each < used; each++)
        pthread_create(&connections[each].thread, NULL, drive, &connections[each]);
    for (int each = 0; each < used; each++)
        pthread_join(connections[each].thread, NULL);
    printf("%.6f\n", now() - begun);
    return 0;
}
