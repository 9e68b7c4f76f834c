/* candidate.h - what a strategy may know of each target of a model. */
#ifndef GATEWAY_ROUTER_CANDIDATE_H
#define GATEWAY_ROUTER_CANDIDATE_H

struct candidate {
    unsigned target; /* its place in the config, from 0 */
    unsigned weight; /* from the config; 1 if not given */
};

#endif
