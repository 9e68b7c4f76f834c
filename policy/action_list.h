/*
 * action_list.h - what may be done to what is found, weakest first: the strongest wins.
 *
 * ACTION(name, help)
 */
ACTION(none, "it is not looked for")
ACTION(flag, "it is counted and left as it is")
ACTION(pseudonymise, "a name stands for it until the answer comes back")
ACTION(hash, "[LABEL:…] with 12 digits of its keyed hash")
ACTION(mask, "* for each character but the last four")
ACTION(redact, "[LABEL]")
ACTION(block, "the request is refused, or the answer ends")
#undef ACTION
