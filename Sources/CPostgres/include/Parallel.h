/*
 * Building an index with the server's parallel workers; what they share lies in dynamic shared memory. For
 * lists each participant scans its share of the table and sorts it. For a graph the leader alone has scanned the
 * table, and all link the graph's nodes, which lie in a region of that memory. See CallsParallel.c.
 */
#ifndef PASE_PARALLEL_H
#define PASE_PARALLEL_H

#include "Server.h"

#include "access/parallel.h"
#include "port/atomics.h"
#include "storage/barrier.h"
#include "storage/spin.h"
#include "utils/snapshot.h"
#include "utils/tuplesort.h"

typedef bool (*PaseBuildRow) (void *state, uint64_t heap_tid, Datum value, bool is_null);

/* What is built together: which worker's body runs. */
typedef enum PaseParallelKind
{
	PASE_PARALLEL_LISTS,
	PASE_PARALLEL_GRAPH
} PaseParallelKind;

/* What workers need to know, and what they count together. */
typedef struct PaseParallelShared
{
	PaseParallelKind kind;
	Oid			heap;
	Oid			index;
	bool		is_concurrent;
	int			participants;
	slock_t		mutex;
	double		heap_rows;
	pg_atomic_uint64 rows_done;
	/* The steps that are taken together, and the next piece of work of even and of odd steps. */
	Barrier		barrier;
	pg_atomic_uint64 next[2];
} PaseParallelShared;

/* One participant's view. */
typedef struct PaseParallel
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	PaseParallelShared *shared;
	/* For lists. */
	ParallelTableScanDesc scan;
	Sharedsort *sort;
	/* For a graph. */
	void	   *region;
	size_t		region_bytes;
	/* The rest only in the leader. */
	ParallelContext *context;
	Snapshot	snapshot;
	WalUsage   *wal_usage;
	BufferUsage *buffer_usage;
	/* Those that work: the leader and the workers that started. */
	int			participants;
} PaseParallel;

/* How many workers the server would use to build the index. */
extern bool pase_parallel_plan(Relation heap, Relation index, IndexInfo *info, int *workers);
/*
 * Starts up to `workers` workers, each of which runs the worker's body of the kind. For a graph the segment has
 * `region_bytes` for it. *result is NULL where none could be started: build alone.
 */
extern bool pase_parallel_begin(Relation heap, Relation index, IndexInfo *info, int workers,
								PaseParallelKind kind, size_t region_bytes, PaseParallel **result);
/* Whether shared memory has room for so much, as far as can be told without asking for it. */
extern bool pase_parallel_has_room(size_t bytes);
/* Scans this participant's share of the table, as pase_build_scan() does all of it. */
extern bool pase_parallel_scan(PaseParallel *parallel, PaseBuildRow row, void *state);
/*
 * Takes part in the steps that are taken together, from the present one on: *step is its number. Who comes later
 * than others takes part from the step that these are at.
 */
extern bool pase_parallel_join_steps(PaseParallel *parallel, int *step);
/* Waits until all participants are through with the step. */
extern bool pase_parallel_next_step(PaseParallel *parallel);
/* Waits until all workers have finished; raises the error of one that failed. */
extern bool pase_parallel_wait(PaseParallel *parallel);
extern bool pase_parallel_end(PaseParallel *parallel);

/* Adds to the rows done by all participants, and answers how many that makes. */
static inline uint64_t
pase_parallel_count(PaseParallel *parallel, uint64_t rows)
{
	return pg_atomic_add_fetch_u64(&parallel->shared->rows_done, (int64) rows);
}

/* The next piece of work of a step, from 0. */
static inline uint64_t
pase_parallel_take(PaseParallel *parallel, int step)
{
	return pg_atomic_fetch_add_u64(&parallel->shared->next[step & 1], 1);
}

/* Makes the counter of the following step begin at 0; for whoever takes part in `step`, at its beginning. */
static inline void
pase_parallel_prepare_next(PaseParallel *parallel, int step)
{
	pg_atomic_write_u64(&parallel->shared->next[(step + 1) & 1], 0);
}

#endif
