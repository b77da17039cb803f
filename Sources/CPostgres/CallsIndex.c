/* What an index access method asks of the server: build, scan, vacuum. See Calls.h. */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

typedef struct
{
	IndexAmRoutine *routine;
	IndexBuildResult *build_result;
	IndexBulkDeleteResult *delete_result;
	double		heap_tuples;
	double		index_tuples;
	int			unused;
} ResultArguments;

static void
pase_routine_create_thunk(void *p)
{
	((ResultArguments *) p)->routine = makeNode(IndexAmRoutine);
}

bool
pase_routine_create(IndexAmRoutine **result)
{
	ResultArguments a = {.routine = NULL};

	if (!GUARDED(pase_routine_create))
		return false;
	*result = a.routine;
	return true;
}

typedef struct
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	PaseBuildRow row;
	void	   *state;
	MemoryContext row_context;
	double		tuples;
} BuildArguments;

/* Between two of the server's frames: raises at once what the row's callback noted. */
static void
build_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool tupleIsAlive,
		  void *state)
{
	BuildArguments *a = state;
	MemoryContext caller = MemoryContextSwitchTo(a->row_context);

	if (!a->row(a->state, pase_tid_pack(tid), values[0], isnull[0]))
		pase_raise_if_failed();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(a->row_context);
}

double
pase_scan_for_build(Relation heap, Relation index, IndexInfo *info, bool progress,
					PaseBuildRow row, void *state, TableScanDesc scan)
{
	BuildArguments a = {.row = row,.state = state};
	double		tuples;

	a.row_context = AllocSetContextCreate(CurrentMemoryContext, "pase build row",
										  ALLOCSET_DEFAULT_SIZES);
	tuples = table_index_build_scan(heap, index, info, true, progress, build_row, &a, scan);
	MemoryContextDelete(a.row_context);
	return tuples;
}

static void
pase_build_scan_thunk(void *p)
{
	BuildArguments *a = p;

	a->tuples = pase_scan_for_build(a->heap, a->index, a->info, true, a->row, a->state, NULL);
}

bool
pase_build_scan(Relation heap, Relation index, IndexInfo *info, PaseBuildRow row, void *state,
				double *tuples)
{
	BuildArguments a = {.heap = heap,.index = index,.info = info,.row = row,.state = state};

	if (!GUARDED(pase_build_scan))
		return false;
	*tuples = a.tuples;
	return true;
}

/* What a snapshot sees, belongs into the index, and meets conditions. */
static void
scan_with_snapshot(Relation heap, Relation index, Snapshot snapshot, List *conditions,
				   PaseBuildRow row, void *state)
{
	IndexInfo  *info = BuildIndexInfo(index);
	TableScanDesc scan;

	/* As for a concurrent build: what the snapshot sees, and nothing else. */
	info->ii_Concurrent = true;
	info->ii_Unique = false;
	info->ii_ExclusionOps = NULL;
	info->ii_ExclusionProcs = NULL;
	info->ii_ExclusionStrats = NULL;
	/* The conditions first, in their order: with row-level security, those come first that decide who sees a row. */
	info->ii_Predicate = list_concat(list_copy(conditions), info->ii_Predicate);
	scan = table_beginscan_strat(heap, snapshot, 0, NULL, true, true);
	pase_scan_for_build(heap, index, info, false, row, state, scan);
}

/*
 * Expressions and the predicate of an index are its owner's, so they run with the owner's rights and settings of their
 * own. After an error the transaction's abort puts things back.
 */
void
pase_scan_with_snapshot(Relation heap, Relation index, Snapshot snapshot, PaseBuildRow row,
						void *state)
{
	Oid			user;
	int			security;
	int			settings;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(heap->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
	settings = NewGUCNestLevel();
#if PG_VERSION_NUM >= 170000
	RestrictSearchPath();
#endif
	scan_with_snapshot(heap, index, snapshot, NIL, row, state);
	AtEOXact_GUC(false, settings);
	SetUserIdAndSecContext(user, security);
}

typedef struct
{
	Relation	index;
	int			keys;
	int			order_bys;
	IndexScanDesc scan;
	PaseBuildRow row;
	void	   *state;
} ScanArguments;

static void
pase_scan_table_thunk(void *p)
{
	ScanArguments *a = p;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;

	if (a->scan->heapRelation == NULL || a->scan->xs_snapshot == NULL)
		elog(ERROR, "index scan has no table");
	context = AllocSetContextCreate(caller, "pase table pass", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	/* As whoever runs the statement, which contains the index's expressions, and conditions that imply its predicate. */
	scan_with_snapshot(a->scan->heapRelation, a->scan->indexRelation, a->scan->xs_snapshot,
					   pase_scan_conditions(a->scan), a->row, a->state);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

bool
pase_scan_table(IndexScanDesc scan, PaseBuildRow row, void *state)
{
	ScanArguments a = {.scan = scan,.row = row,.state = state};

	return GUARDED(pase_scan_table);
}

static void
pase_scan_create_thunk(void *p)
{
	ScanArguments *a = p;

	a->scan = RelationGetIndexScan(a->index, a->keys, a->order_bys);
	/* The server leaves these two as they are; they outlive each rescan. */
	a->scan->xs_orderbyvals = palloc0(sizeof(Datum) * Max(a->order_bys, 1));
	a->scan->xs_orderbynulls = palloc0(sizeof(bool) * Max(a->order_bys, 1));
}

bool
pase_scan_create(Relation index, int keys, int order_bys, IndexScanDesc *result)
{
	ScanArguments a = {.index = index,.keys = keys,.order_bys = order_bys};

	if (!GUARDED(pase_scan_create))
		return false;
	*result = a.scan;
	return true;
}

static void
pase_scan_count_thunk(void *p)
{
	ScanArguments *a = p;

	/* The first count of a session may allocate what is counted in. */
	pgstat_count_index_scan(a->scan->indexRelation);
#if PG_VERSION_NUM >= 180000
	if (a->scan->instrument)
		a->scan->instrument->nsearches++;
#endif
}

bool
pase_scan_count(IndexScanDesc scan)
{
	ScanArguments a = {.scan = scan};

	return GUARDED(pase_scan_count);
}

typedef struct
{
	Relation	index;
	int64_t		vectors;
} LateArguments;

static void
pase_report_late_thunk(void *p)
{
	LateArguments *a = p;

	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": " INT64_FORMAT " vectors were found too late",
							 RelationGetRelationName(a->index), (int64) a->vectors)));
}

bool
pase_report_late(Relation index, int64_t vectors)
{
	LateArguments a = {index, vectors};

	return GUARDED(pase_report_late);
}

typedef struct
{
	IndexBulkDeleteCallback callback;
	void	   *state;
	uint64_t		heap_tid;
	bool		result;
} DeadArguments;

static void
pase_is_dead_thunk(void *p)
{
	DeadArguments *a = p;
	ItemPointerData tid;

	pase_tid_unpack(a->heap_tid, &tid);
	a->result = a->callback(&tid, a->state);
}

bool
pase_is_dead(IndexBulkDeleteCallback callback, void *state, uint64_t heap_tid, bool *result)
{
	DeadArguments a = {callback, state, heap_tid, false};

	if (!GUARDED(pase_is_dead))
		return false;
	*result = a.result;
	return true;
}

static void
pase_vacuum_delay_thunk(void *p)
{
#if PG_VERSION_NUM >= 180000
	vacuum_delay_point(*(bool *) p);
#else
	vacuum_delay_point();
#endif
}

bool
pase_vacuum_delay(bool is_analyze)
{
	bool		a = is_analyze;

	return GUARDED(pase_vacuum_delay);
}

static void
pase_build_result_thunk(void *p)
{
	ResultArguments *a = p;

	a->build_result = palloc0(sizeof(IndexBuildResult));
	a->build_result->heap_tuples = a->heap_tuples;
	a->build_result->index_tuples = a->index_tuples;
}

bool
pase_build_result(double heap_tuples, double index_tuples, IndexBuildResult **result)
{
	ResultArguments a = {.heap_tuples = heap_tuples,.index_tuples = index_tuples};

	if (!GUARDED(pase_build_result))
		return false;
	*result = a.build_result;
	return true;
}

static void
pase_bulk_delete_result_thunk(void *p)
{
	((ResultArguments *) p)->delete_result = palloc0(sizeof(IndexBulkDeleteResult));
}

bool
pase_bulk_delete_result(IndexBulkDeleteResult **result)
{
	ResultArguments a = {.routine = NULL};

	if (!GUARDED(pase_bulk_delete_result))
		return false;
	*result = a.delete_result;
	return true;
}
