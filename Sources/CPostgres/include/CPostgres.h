/*
 * CPostgres: the only C that touches the server.
 *
 *   Server.h     the server's headers and what differs between its versions
 *   Guard.h      the barrier: no longjmp ever crosses a Swift frame
 *   Accessors.h  macros and flexible arrays as static inlines; nothing here can raise
 *   Calls.h      server calls that can raise, each behind the guard
 *   Parallel.h   building an index with parallel workers
 *   PageHints.h  where pages were last seen in the buffer pool
 *   Settings.h   the extension's own settings
 */
#ifndef CPOSTGRES_H
#define CPOSTGRES_H

#include "Server.h"
#include "Guard.h"
#include "Accessors.h"
#include "Calls.h"
#include "PageHints.h"
#include "Settings.h"

#endif
