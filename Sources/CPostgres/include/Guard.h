/*
 * The barrier between the server's longjmp and Swift's frames.
 *
 * Inwards: each server call that can raise runs inside pase_guard(), which holds the only PG_TRY of
 * the extension. Where the call raises, the error stays where elog.c put it, on its own stack, and
 * pase_guard() answers false; Swift throws `ServerError` up through its frames. Nothing may call the
 * server meanwhile.
 *
 * Outwards: each function that the server calls is a C function in Entries.c. It calls its Swift
 * body; when that has returned, and so all Swift frames are gone, pase_raise_if_failed() raises
 * what Swift noted: the server's own error again, or a new one of ours.
 */
#ifndef PASE_GUARD_H
#define PASE_GUARD_H

#include "Server.h"

typedef void (*PaseThunk)(void *arguments);

/* Runs thunk(arguments). False: it raised, and the error is waiting on the server's error stack. */
extern bool pase_guard(PaseThunk thunk, void *arguments, const char *name);

/* Notes that the error on the server's stack is to be raised again once Swift has returned. */
extern void pase_fail_with_server_error(void);

/*
 * Turns a text of Swift's, in UTF-8, into one in the database's encoding; see ServerText.swift. `target` has room for
 * `length` bytes and a zero. Cannot raise. Answers how many bytes it has written before the zero.
 */
extern size_t pase_server_text(char *target, const char *source, size_t length);

/* Notes an error of our own. The texts are UTF-8 or ASCII bytes, copied; a NULL text is absent. */
extern void pase_fail_with(int sqlstate,
						   const char *message, size_t message_length,
						   const char *detail, size_t detail_length,
						   const char *hint, size_t hint_length);

/* Raises what was noted, if anything. Only from a C frame above which there is no Swift frame. */
extern void pase_raise_if_failed(void);

#ifdef PASE_TEST
/*
 * In builds for the tests (make PASE_TEST=1): the n-th guarded call from now raises an error instead of
 * running (0 = off). It counts down only in backends whose superuser set pase.fault_countdown.
 */
extern int pase_fault_countdown;
#endif

/* Puts an access method's callbacks, C frames of Entries.c, into its routine. */
extern void pase_hnsw_fill_routine(IndexAmRoutine *routine);
extern void pase_ivfflat_fill_routine(IndexAmRoutine *routine);
/* By these one knows an index of ours, whatever its access method is called. */
extern IndexBuildResult *pase_hnsw_build(Relation heap, Relation index, IndexInfo *info);
extern IndexBuildResult *pase_ivfflat_build(Relation heap, Relation index, IndexInfo *info);

#endif
