/* What the verifier asks of the server. See Calls.h. */
#include "CPostgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

/* ---- the rows of the answer ---- */

struct PaseRows
{
	Tuplestorestate *store;
	TupleDesc	descriptor;
};

typedef struct
{
	FunctionCallInfo call;
	PaseRows   *rows;
	int64_t		block;
	int			item;
	const char *severity;
	const char *message;
} RowsArguments;

static void
pase_rows_begin_thunk(void *p)
{
	RowsArguments *a = p;
	ReturnSetInfo *info = (ReturnSetInfo *) a->call->resultinfo;
	MemoryContext caller;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	a->rows = palloc(sizeof(PaseRows));
	if (get_call_result_type(a->call, NULL, &a->rows->descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	a->rows->descriptor = CreateTupleDescCopy(a->rows->descriptor);
	if (a->rows->descriptor->natts != 4)
		elog(ERROR, "return type must have four columns");
	a->rows->store = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false,
										   work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = a->rows->store;
	info->setDesc = a->rows->descriptor;
	MemoryContextSwitchTo(caller);
}

bool
pase_rows_begin(FunctionCallInfo call, PaseRows **result)
{
	RowsArguments a = {.call = call};

	if (!GUARDED(pase_rows_begin))
		return false;
	*result = a.rows;
	return true;
}

static void
pase_rows_add_thunk(void *p)
{
	RowsArguments *a = p;
	Datum		values[4] = {Int64GetDatum(a->block), Int32GetDatum(a->item)};
	bool		nulls[4] = {a->block < 0, a->item < 0, false, false};
	char	   *message;

	values[2] = CStringGetTextDatum(a->severity);
	message = palloc(strlen(a->message) + 1);
	pase_server_text(message, a->message, strlen(a->message));
	values[3] = CStringGetTextDatum(message);
	pfree(message);
	tuplestore_putvalues(a->rows->store, a->rows->descriptor, values, nulls);
	pfree(DatumGetPointer(values[2]));
	pfree(DatumGetPointer(values[3]));
}

bool
pase_rows_add(PaseRows *rows, int64_t block, int item, const char *severity, const char *message)
{
	RowsArguments a = {.rows = rows,.block = block,.item = item,.severity = severity,
		.message = message};

	return GUARDED(pase_rows_add);
}

/* ---- the relations ---- */

struct PaseChecked
{
	Relation	heap;
	Relation	index;
	PaseChecked_Method method;
	/* For the comparison with the table */
	Snapshot	snapshot;
};

typedef struct
{
	Oid			id;
	bool		with_snapshot;
	PaseChecked *checked;
	PaseBuildRow row;
	void	   *state;
	uint64_t	tid;
	PaseRowState result;
	Buffer		buffer;
} CheckedArguments;

/* The index belongs to the user, or the user may maintain its table. */
static bool
may_check(Oid index, Oid heap)
{
#if PG_VERSION_NUM >= 170000
	if (OidIsValid(heap) && pg_class_aclcheck(heap, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK)
		return true;
#endif
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, index, GetUserId());
#else
	return pg_class_ownercheck(index, GetUserId());
#endif
}

static void
pase_checked_open_thunk(void *p)
{
	CheckedArguments *a = p;
	PaseChecked *checked = palloc0(sizeof(PaseChecked));
	char		kind = get_rel_relkind(a->id);
	char	   *name = get_rel_name(a->id);
	Oid			heap;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index with OID %u does not exist", a->id)));
	if (kind == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partitioned index", name),
				 errhint("Check the indexes of its partitions.")));
	if (kind != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not an index", name)));
	heap = IndexGetRelation(a->id, true);
	if (!may_check(a->id, heap))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, name);

	/* The table first, as everybody does. Meanwhile the index may have gone, and the number to another. */
	if (OidIsValid(heap))
		checked->heap = table_open(heap, AccessShareLock);
	checked->index = index_open(a->id, AccessShareLock);
	if (checked->heap == NULL || heap != IndexGetRelation(a->id, false))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not open parent table of index \"%s\"", name)));
	if (checked->index->rd_indam->ambuild == pase_hnsw_build)
		checked->method = PASE_CHECKED_HNSW;
	else if (checked->index->rd_indam->ambuild == pase_ivfflat_build)
		checked->method = PASE_CHECKED_IVFFLAT;
	else
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is of another access method", name),
				 errdetail("Only indexes of pase_hnsw and pase_ivfflat can be checked.")));
	if (RELATION_IS_OTHER_TEMP(checked->index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary tables of other sessions")));
	if (!checked->index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", name),
				 errhint("Please REINDEX it, or drop it.")));
	if (RecoveryInProgress() && !RelationIsPermanent(checked->index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" cannot be checked during recovery, since it is not logged",
						name)));
	if (a->with_snapshot)
	{
		checked->snapshot = RegisterSnapshot(GetTransactionSnapshot());
		if (IsolationUsesXactSnapshot() && checked->index->rd_index->indcheckxmin &&
			!TransactionIdPrecedes(HeapTupleHeaderGetXmin(checked->index->rd_indextuple->t_data),
								   checked->snapshot->xmin))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("index \"%s\" cannot be compared with its table in this transaction",
							name),
					 errdetail("The transaction's snapshot is too old for the index.")));
	}
	a->checked = checked;
}

bool
pase_checked_open(Oid index, bool with_snapshot, PaseChecked **result)
{
	CheckedArguments a = {.id = index,.with_snapshot = with_snapshot};

	if (!GUARDED(pase_checked_open))
		return false;
	*result = a.checked;
	return true;
}

Relation
pase_checked_index(const PaseChecked *checked)
{
	return checked->index;
}

PaseChecked_Method
pase_checked_method(const PaseChecked *checked)
{
	return checked->method;
}

static void
pase_checked_close_thunk(void *p)
{
	PaseChecked *checked = ((CheckedArguments *) p)->checked;

	if (checked->snapshot != NULL)
		UnregisterSnapshot(checked->snapshot);
	index_close(checked->index, AccessShareLock);
	table_close(checked->heap, AccessShareLock);
}

bool
pase_checked_close(PaseChecked *checked)
{
	CheckedArguments a = {.checked = checked};

	return GUARDED(pase_checked_close);
}

static void
pase_checked_scan_thunk(void *p)
{
	CheckedArguments *a = p;

	pase_scan_with_snapshot(a->checked->heap, a->checked->index, a->checked->snapshot, a->row,
							a->state);
}

bool
pase_checked_scan(PaseChecked *checked, PaseBuildRow row, void *state)
{
	CheckedArguments a = {.checked = checked,.row = row,.state = state};

	return GUARDED(pase_checked_scan);
}

static void
pase_checked_row_thunk(void *p)
{
	CheckedArguments *a = p;
	Relation	heap = a->checked->heap;
	BlockNumber block = (BlockNumber) (a->tid >> 16);
	OffsetNumber offset = (OffsetNumber) (a->tid & 0xFFFF);
	Page		page;

	a->result = PASE_ROW_MISSING;
	/* Other table access methods need not have pages. */
	if (heap->rd_rel->relam != HEAP_TABLE_AM_OID)
	{
		a->result = PASE_ROW_PRESENT;
		return;
	}
	if (block >= RelationGetNumberOfBlocks(heap))
		return;
	a->buffer = ReadBuffer(heap, block);
	LockBuffer(a->buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(a->buffer);
	if (!PageIsNew(page) && offset >= FirstOffsetNumber && offset <= PageGetMaxOffsetNumber(page) &&
		ItemIdIsUsed(PageGetItemId(page, offset)))
		a->result = PASE_ROW_PRESENT;
	UnlockReleaseBuffer(a->buffer);
}

bool
pase_checked_row(PaseChecked *checked, uint64_t tid, PaseRowState *result)
{
	CheckedArguments a = {.checked = checked,.tid = tid};

	if (!GUARDED(pase_checked_row))
		return false;
	*result = a.result;
	return true;
}
