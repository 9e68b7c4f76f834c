/* prompt_priv.h - what the files that read and render a prompt share. */
#ifndef PROMPTS_PROMPT_PRIV_H
#define PROMPTS_PROMPT_PRIV_H

#include "prompts/prompt.h"
#include "prompts/tree.h"

struct piece { /* of a body that is a JSON array of messages */
    struct piece *next;
    struct str json;                /* as it stands; "" with one of the next two */
    const struct template *content; /* of one string: rendered between quotes */
    bool is_thread;                 /* an element "{{ thread }}" */
};

struct message_plan {
    const struct template *text; /* a body with lines of roles; NULL: it is an array */
    const struct piece *pieces;
};

/* Reads the body into p->messages; problems go to p->conf. */
void messages_read(struct prompt *p, struct str body, struct conf_place at);

/* Calls each() for every variable of the body. */
void messages_variables(const struct prompt *p, void (*each)(void *arg, const struct variable *v),
                        void *arg);

/* Reads p->inputs from `inputs:`; n may be NULL. */
void inputs_read(struct prompt *p, const struct conf_node *n);

const struct input *prompt_input(const struct prompt *p, struct str name);

#endif
