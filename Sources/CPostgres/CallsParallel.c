/*
 * Parallel builds. The leader describes the build in dynamic shared memory and starts workers. Lists: each
 * participant, the leader too, takes its share of one parallel scan of the table and sorts what it made of it; then
 * the leader merges. A graph: all take pieces of work, step by step, and no one begins a step before all are through
 * with the one before. See Parallel.h.
 */
#include "CPostgres.h"

#include <sys/statvfs.h>

#include "access/table.h"
#include "access/xact.h"
#include "executor/instrument.h"
#include "optimizer/planner.h"
#include "storage/dsm_impl.h"
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
#define KEY_REGION UINT64CONST(0x9A5E000000000007)

typedef struct
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	int			workers;
	PaseParallelKind kind;
	size_t		region_bytes;
	PaseParallel *parallel;
	int			step;
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
estimate(PaseParallel *parallel, PaseParallelKind kind, int participants)
{
	shm_toc_estimator *estimator = &parallel->context->estimator;
	int			workers = parallel->context->nworkers;

	shm_toc_estimate_chunk(estimator, sizeof(PaseParallelShared));
	if (kind == PASE_PARALLEL_LISTS)
	{
		shm_toc_estimate_chunk(estimator,
							   table_parallelscan_estimate(parallel->heap, parallel->snapshot));
		shm_toc_estimate_chunk(estimator, tuplesort_estimate_shared(participants));
		shm_toc_estimate_keys(estimator, 2);
	}
	else
	{
		shm_toc_estimate_chunk(estimator, parallel->region_bytes);
		shm_toc_estimate_keys(estimator, 1);
	}
	shm_toc_estimate_chunk(estimator, mul_size(sizeof(WalUsage), workers));
	shm_toc_estimate_chunk(estimator, mul_size(sizeof(BufferUsage), workers));
	shm_toc_estimate_keys(estimator, 3);
	if (debug_query_string)
	{
		shm_toc_estimate_chunk(estimator, strlen(debug_query_string) + 1);
		shm_toc_estimate_keys(estimator, 1);
	}
}

static void
fill(PaseParallel *parallel, PaseParallelKind kind, int participants)
{
	shm_toc    *toc = parallel->context->toc;
	int			workers = parallel->context->nworkers;
	PaseParallelShared *shared = shm_toc_allocate(toc, sizeof(PaseParallelShared));

	shared->kind = kind;
	shared->heap = RelationGetRelid(parallel->heap);
	shared->index = RelationGetRelid(parallel->index);
	shared->is_concurrent = parallel->info->ii_Concurrent;
	shared->participants = participants;
	shared->heap_rows = 0;
	SpinLockInit(&shared->mutex);
	pg_atomic_init_u64(&shared->rows_done, 0);
	BarrierInit(&shared->barrier, 0);
	pg_atomic_init_u64(&shared->next[0], 0);
	pg_atomic_init_u64(&shared->next[1], 0);
	parallel->shared = shared;
	shm_toc_insert(toc, KEY_SHARED, shared);

	if (kind == PASE_PARALLEL_LISTS)
	{
		parallel->scan = shm_toc_allocate(
										  toc, table_parallelscan_estimate(parallel->heap, parallel->snapshot));
		table_parallelscan_initialize(parallel->heap, parallel->scan, parallel->snapshot);
		shm_toc_insert(toc, KEY_SCAN, parallel->scan);

		parallel->sort = shm_toc_allocate(toc, tuplesort_estimate_shared(participants));
		tuplesort_initialize_shared(parallel->sort, participants, parallel->context->seg);
		shm_toc_insert(toc, KEY_SORT, parallel->sort);
	}
	else
	{
		parallel->region = shm_toc_allocate(toc, parallel->region_bytes);
		shm_toc_insert(toc, KEY_REGION, parallel->region);
		/* Before any worker can be there, so that all wait for the leader. */
		BarrierAttach(&shared->barrier);
	}

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

/* While the segment is made: says what to do where there is no room for it. */
static void
advise(void *unused)
{
	int			code = geterrcode();

	if (code == ERRCODE_DISK_FULL || code == ERRCODE_OUT_OF_MEMORY || code == ERRCODE_INSUFFICIENT_RESOURCES)
		errhint("Set max_parallel_maintenance_workers to 0 to build without shared memory, or give the server more of it.");
}

static void
make_segment(ParallelContext *context)
{
	ErrorContextCallback callback = {.callback = advise,.previous = error_context_stack};

	error_context_stack = &callback;
	InitializeParallelDSM(context);
	error_context_stack = callback.previous;
}

bool
pase_parallel_has_room(size_t bytes)
{
	struct statvfs room;

	/* Other kinds take files or the system's own memory, and say so when there is none. */
	if (dynamic_shared_memory_type != DSM_IMPL_POSIX
		|| bytes <= (size_t) min_dynamic_shared_memory * 1024 * 1024
		|| statvfs("/dev/shm", &room) != 0)
		return true;
	return bytes / room.f_frsize < room.f_bavail;
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
	parallel->snapshot = a->kind == PASE_PARALLEL_LISTS && a->info->ii_Concurrent
		? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	parallel->region_bytes = a->region_bytes;
	estimate(parallel, a->kind, a->workers + 1);
	make_segment(parallel->context);
	/* No segment was to be had. */
	if (parallel->context->seg == NULL)
	{
		leave(parallel);
		return;
	}
	fill(parallel, a->kind, a->workers + 1);
	LaunchParallelWorkers(parallel->context);
	if (parallel->context->nworkers_launched == 0)
	{
		WaitForParallelWorkersToFinish(parallel->context);
		leave(parallel);
		return;
	}
	parallel->participants = parallel->context->nworkers_launched + 1;
	/* Else a worker that never came up would be waited for in vain. Steps do without those who are not there yet. */
	if (a->kind == PASE_PARALLEL_LISTS)
		WaitForParallelWorkersToAttach(parallel->context);
	a->parallel = parallel;
}

bool
pase_parallel_begin(Relation heap, Relation index, IndexInfo *info, int workers,
					PaseParallelKind kind, size_t region_bytes, PaseParallel **result)
{
	ParallelArguments a = {.heap = heap,.index = index,.info = info,.workers = workers,
	.kind = kind,.region_bytes = region_bytes};

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

static void
pase_parallel_join_steps_thunk(void *p)
{
	ParallelArguments *a = p;
	Barrier    *barrier = &a->parallel->shared->barrier;

	/* The leader is there from the beginning. */
	a->step = a->parallel->context != NULL ? BarrierPhase(barrier) : BarrierAttach(barrier);
}

bool
pase_parallel_join_steps(PaseParallel *parallel, int *step)
{
	ParallelArguments a = {.parallel = parallel};

	if (!GUARDED(pase_parallel_join_steps))
		return false;
	*step = a.step;
	return true;
}

static void
pase_parallel_next_step_thunk(void *p)
{
	BarrierArriveAndWait(&((ParallelArguments *) p)->parallel->shared->barrier, PG_WAIT_EXTENSION);
}

bool
pase_parallel_next_step(PaseParallel *parallel)
{
	ParallelArguments a = {.parallel = parallel};

	return GUARDED(pase_parallel_next_step);
}

/* ---- a worker ---- */

extern void pase_ivfflat_build_worker_body(PaseParallel *parallel);
extern void pase_hnsw_build_worker_body(PaseParallel *parallel);
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
	parallel.participants = shared->participants;
	if (shared->kind == PASE_PARALLEL_LISTS)
	{
		parallel.scan = shm_toc_lookup(toc, KEY_SCAN, false);
		parallel.sort = shm_toc_lookup(toc, KEY_SORT, false);
		tuplesort_attach_shared(parallel.sort, segment);
	}
	else
		parallel.region = shm_toc_lookup(toc, KEY_REGION, false);

	InstrStartParallelQuery();
	if (shared->kind == PASE_PARALLEL_LISTS)
		pase_ivfflat_build_worker_body(&parallel);
	else
		pase_hnsw_build_worker_body(&parallel);
	pase_raise_if_failed();
	InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber], &wal_usage[ParallelWorkerNumber]);

	index_close(parallel.index, index_lock);
	table_close(parallel.heap, heap_lock);
}
