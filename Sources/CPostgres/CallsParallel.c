/*
 * Parallel builds. The leader describes the build in dynamic shared memory and starts workers; each
 * participant, the leader too, takes its share of one parallel scan of the table and sorts what it
 * made of it; then the leader merges. See Parallel.h.
 */
#include "CPostgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/instrument.h"
#include "optimizer/planner.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

#define KEY_SHARED UINT64CONST(0x9A5E000000000001)
#define KEY_SCAN UINT64CONST(0x9A5E000000000002)
#define KEY_SORT UINT64CONST(0x9A5E000000000003)
#define KEY_QUERY UINT64CONST(0x9A5E000000000004)
#define KEY_WAL UINT64CONST(0x9A5E000000000005)
#define KEY_BUFFERS UINT64CONST(0x9A5E000000000006)

typedef struct
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	int			workers;
	PaseParallel *parallel;
	PaseBuildRow row;
	void	   *state;
	MemoryContext row_context;
} ParallelArguments;

static void
pase_parallel_plan_thunk(void *p)
{
	ParallelArguments *a = p;

#if PG_VERSION_NUM >= 170000
	/* The server has planned already, because of amcanbuildparallel. */
	a->workers = a->info->ii_ParallelWorkers;
#else
	a->workers = plan_create_index_workers(RelationGetRelid(a->heap), RelationGetRelid(a->index));
#endif
}

bool
pase_parallel_plan(Relation heap, Relation index, IndexInfo *info, int *workers)
{
	ParallelArguments a = {.heap = heap,.index = index,.info = info};

	if (!GUARDED(pase_parallel_plan))
		return false;
	*workers = a.workers;
	return true;
}

/* ---- the leader ---- */

static void
leave(PaseParallel *parallel)
{
	DestroyParallelContext(parallel->context);
	if (IsMVCCSnapshot(parallel->snapshot))
		UnregisterSnapshot(parallel->snapshot);
	ExitParallelMode();
}

/* Room in the segment for everything; to be made in the same order. */
static void
estimate(PaseParallel *parallel, int participants)
{
	shm_toc_estimator *estimator = &parallel->context->estimator;
	int			workers = parallel->context->nworkers;

	shm_toc_estimate_chunk(estimator, sizeof(PaseParallelShared));
	shm_toc_estimate_chunk(estimator,
						   table_parallelscan_estimate(parallel->heap, parallel->snapshot));
	shm_toc_estimate_chunk(estimator, tuplesort_estimate_shared(participants));
	shm_toc_estimate_chunk(estimator, mul_size(sizeof(WalUsage), workers));
	shm_toc_estimate_chunk(estimator, mul_size(sizeof(BufferUsage), workers));
	shm_toc_estimate_keys(estimator, 5);
	if (debug_query_string)
	{
		shm_toc_estimate_chunk(estimator, strlen(debug_query_string) + 1);
		shm_toc_estimate_keys(estimator, 1);
	}
}

static void
fill(PaseParallel *parallel, int participants)
{
	shm_toc    *toc = parallel->context->toc;
	int			workers = parallel->context->nworkers;
	PaseParallelShared *shared = shm_toc_allocate(toc, sizeof(PaseParallelShared));

	shared->heap = RelationGetRelid(parallel->heap);
	shared->index = RelationGetRelid(parallel->index);
	shared->is_concurrent = parallel->info->ii_Concurrent;
	shared->participants = participants;
	shared->heap_rows = 0;
	SpinLockInit(&shared->mutex);
	pg_atomic_init_u64(&shared->rows_done, 0);
	parallel->shared = shared;
	shm_toc_insert(toc, KEY_SHARED, shared);

	parallel->scan = shm_toc_allocate(
									  toc, table_parallelscan_estimate(parallel->heap, parallel->snapshot));
	table_parallelscan_initialize(parallel->heap, parallel->scan, parallel->snapshot);
	shm_toc_insert(toc, KEY_SCAN, parallel->scan);

	parallel->sort = shm_toc_allocate(toc, tuplesort_estimate_shared(participants));
	tuplesort_initialize_shared(parallel->sort, participants, parallel->context->seg);
	shm_toc_insert(toc, KEY_SORT, parallel->sort);

	if (debug_query_string)
	{
		char	   *query = shm_toc_allocate(toc, strlen(debug_query_string) + 1);

		strcpy(query, debug_query_string);
		shm_toc_insert(toc, KEY_QUERY, query);
	}
	parallel->wal_usage = shm_toc_allocate(toc, mul_size(sizeof(WalUsage), workers));
	shm_toc_insert(toc, KEY_WAL, parallel->wal_usage);
	parallel->buffer_usage = shm_toc_allocate(toc, mul_size(sizeof(BufferUsage), workers));
	shm_toc_insert(toc, KEY_BUFFERS, parallel->buffer_usage);
}

static void
pase_parallel_begin_thunk(void *p)
{
	ParallelArguments *a = p;
	PaseParallel *parallel = palloc0(sizeof(PaseParallel));

	parallel->heap = a->heap;
	parallel->index = a->index;
	parallel->info = a->info;
	EnterParallelMode();
	parallel->context = CreateParallelContext("$libdir/pase", "pase_parallel_build", a->workers);
	/* As for any build: all rows that may be visible to somebody, or a snapshot's if others write. */
	parallel->snapshot = a->info->ii_Concurrent
		? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	estimate(parallel, a->workers + 1);
	InitializeParallelDSM(parallel->context);
	/* No segment was to be had. */
	if (parallel->context->seg == NULL)
	{
		leave(parallel);
		return;
	}
	fill(parallel, a->workers + 1);
	LaunchParallelWorkers(parallel->context);
	if (parallel->context->nworkers_launched == 0)
	{
		WaitForParallelWorkersToFinish(parallel->context);
		leave(parallel);
		return;
	}
	parallel->participants = parallel->context->nworkers_launched + 1;
	/* Else a worker that never came up would be waited for in vain. */
	WaitForParallelWorkersToAttach(parallel->context);
	a->parallel = parallel;
}

bool
pase_parallel_begin(Relation heap, Relation index, IndexInfo *info, int workers,
					PaseParallel **result)
{
	ParallelArguments a = {.heap = heap,.index = index,.info = info,.workers = workers};

	if (!GUARDED(pase_parallel_begin))
		return false;
	*result = a.parallel;
	return true;
}

static void
pase_parallel_wait_thunk(void *p)
{
	WaitForParallelWorkersToFinish(((ParallelArguments *) p)->parallel->context);
}

bool
pase_parallel_wait(PaseParallel *parallel)
{
	ParallelArguments a = {.parallel = parallel};

	return GUARDED(pase_parallel_wait);
}

static void
pase_parallel_end_thunk(void *p)
{
	PaseParallel *parallel = ((ParallelArguments *) p)->parallel;

	for (int n = 0; n < parallel->context->nworkers_launched; n++)
		InstrAccumParallelQuery(&parallel->buffer_usage[n], &parallel->wal_usage[n]);
	leave(parallel);
}

bool
pase_parallel_end(PaseParallel *parallel)
{
	ParallelArguments a = {.parallel = parallel};

	return GUARDED(pase_parallel_end);
}

/* ---- every participant ---- */

static void
pase_parallel_scan_thunk(void *p)
{
	ParallelArguments *a = p;
	PaseParallel *parallel = a->parallel;
	bool		is_leader = parallel->context != NULL;
	double		rows;

	rows = pase_scan_for_build(parallel->heap, parallel->index, parallel->info, is_leader, a->row,
							   a->state, table_beginscan_parallel(parallel->heap, parallel->scan));
	SpinLockAcquire(&parallel->shared->mutex);
	parallel->shared->heap_rows += rows;
	SpinLockRelease(&parallel->shared->mutex);
}

bool
pase_parallel_scan(PaseParallel *parallel, PaseBuildRow row, void *state)
{
	ParallelArguments a = {.parallel = parallel,.row = row,.state = state};

	return GUARDED(pase_parallel_scan);
}

/* ---- a worker ---- */

extern void pase_parallel_build_body(PaseParallel *parallel);
extern PGDLLEXPORT __attribute__((visibility("default"))) void pase_parallel_build(dsm_segment *segment, shm_toc *toc);

/* A worker's main function, by name. */
void
pase_parallel_build(dsm_segment *segment, shm_toc *toc)
{
	PaseParallelShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	WalUsage   *wal_usage = shm_toc_lookup(toc, KEY_WAL, false);
	BufferUsage *buffer_usage = shm_toc_lookup(toc, KEY_BUFFERS, false);
	LOCKMODE	heap_lock = shared->is_concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = shared->is_concurrent ? RowExclusiveLock : AccessExclusiveLock;
	PaseParallel parallel = {.shared = shared};

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	parallel.heap = table_open(shared->heap, heap_lock);
	parallel.index = index_open(shared->index, index_lock);
	parallel.info = BuildIndexInfo(parallel.index);
	parallel.info->ii_Concurrent = shared->is_concurrent;
	parallel.scan = shm_toc_lookup(toc, KEY_SCAN, false);
	parallel.sort = shm_toc_lookup(toc, KEY_SORT, false);
	parallel.participants = shared->participants;
	tuplesort_attach_shared(parallel.sort, segment);

	InstrStartParallelQuery();
	pase_parallel_build_body(&parallel);
	pase_raise_if_failed();
	InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber], &wal_usage[ParallelWorkerNumber]);

	index_close(parallel.index, index_lock);
	table_close(parallel.heap, heap_lock);
}
