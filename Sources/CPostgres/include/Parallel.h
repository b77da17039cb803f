/*
 * Building an index with the server's parallel workers. Leader and workers each scan their share of the
 * table; what they share lies in dynamic shared memory. See CallsParallel.c.
 */
#ifndef PASE_PARALLEL_H
#define PASE_PARALLEL_H

#include "Server.h"

#include "access/parallel.h"
#include "port/atomics.h"
#include "storage/spin.h"
#include "utils/snapshot.h"
#include "utils/tuplesort.h"

typedef bool (*PaseBuildRow) (void *state, uint64_t heap_tid, Datum value, bool is_null);

/* What workers need to know, and what they count together. */
typedef struct PaseParallelShared
{
	Oid			heap;
	Oid			index;
	bool		is_concurrent;
	int			participants;
	slock_t		mutex;
	double		heap_rows;
	pg_atomic_uint64 rows_done;
} PaseParallelShared;

/* One participant's view. */
typedef struct PaseParallel
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	PaseParallelShared *shared;
	ParallelTableScanDesc scan;
	Sharedsort *sort;
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
 * Starts up to `workers` workers, each of which runs the index's access method's worker body.
 * *result is NULL where none could be started: build alone.
 */
extern bool pase_parallel_begin(Relation heap, Relation index, IndexInfo *info, int workers,
								PaseParallel **result);
/* Scans this participant's share of the table, as pase_build_scan() does all of it. */
extern bool pase_parallel_scan(PaseParallel *parallel, PaseBuildRow row, void *state);
/* Waits until all workers have finished; raises the error of one that failed. */
extern bool pase_parallel_wait(PaseParallel *parallel);
extern bool pase_parallel_end(PaseParallel *parallel);

/* Adds to the rows done by all participants, and answers how many that makes. */
static inline uint64_t
pase_parallel_count(PaseParallel *parallel, uint64_t rows)
{
	return pg_atomic_add_fetch_u64(&parallel->shared->rows_done, (int64) rows);
}

#endif
