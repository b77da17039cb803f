/*
 * The server's sort, of rows (list, heap TID, payload) by list, and of triples of numbers. See Calls.h.
 */
#include "CPostgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_operator_d.h"
#include "executor/tuptable.h"
#include "utils/tuplesort.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

struct PaseSort
{
	Tuplesortstate *state;
	TupleDesc	descriptor;
	TupleTableSlot *in;
	TupleTableSlot *out;
	bytea	   *payload;		/* of a row on its way in */
	SortCoordinateData coordinate;
};

typedef struct
{
	PaseSort   *sort;
	Size		bytes;
	int			memory;
	Sharedsort *shared;
	int			participants;
	int32		list;
	uint64_t	heap_tid;
	const void *payload;
	bool		found;
} SortArguments;

static void
pase_sort_begin_thunk(void *p)
{
	SortArguments *a = p;
	AttrNumber	keys[] = {1};
	Oid			operators[] = {Int4LessOperator};
	Oid			collations[] = {InvalidOid};
	bool		nulls_first[] = {false};
	PaseSort   *sort = palloc0(sizeof(PaseSort));
	SortCoordinate coordinate = NULL;

	sort->descriptor = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(sort->descriptor, 1, "list", INT4OID, -1, 0);
	TupleDescInitEntry(sort->descriptor, 2, "row", INT8OID, -1, 0);
	TupleDescInitEntry(sort->descriptor, 3, "payload", BYTEAOID, -1, 0);
	sort->in = MakeSingleTupleTableSlot(sort->descriptor, &TTSOpsVirtual);
	sort->out = MakeSingleTupleTableSlot(sort->descriptor, &TTSOpsMinimalTuple);
	sort->payload = palloc(VARHDRSZ + a->bytes);
	SET_VARSIZE(sort->payload, VARHDRSZ + a->bytes);
	if (a->shared != NULL)
	{
		coordinate = &sort->coordinate;
		coordinate->isWorker = a->participants < 0;
		coordinate->nParticipants = a->participants;
		coordinate->sharedsort = a->shared;
	}
	sort->state = tuplesort_begin_heap(sort->descriptor, 1, keys, operators, collations,
									   nulls_first, a->memory, coordinate, false);
	a->sort = sort;
}

bool
pase_sort_begin(size_t payload_bytes, int memory_kilobytes, Sharedsort *shared, int participants,
				PaseSort **result)
{
	SortArguments a = {.bytes = payload_bytes,.memory = memory_kilobytes,.shared = shared,
	.participants = participants};

	if (!GUARDED(pase_sort_begin))
		return false;
	*result = a.sort;
	return true;
}

void *
pase_sort_payload(PaseSort *sort)
{
	return VARDATA(sort->payload);
}

static void
pase_sort_put_thunk(void *p)
{
	SortArguments *a = p;
	TupleTableSlot *slot = a->sort->in;

	ExecClearTuple(slot);
	slot->tts_values[0] = Int32GetDatum(a->list);
	slot->tts_values[1] = Int64GetDatum((int64) a->heap_tid);
	slot->tts_values[2] = PointerGetDatum(a->sort->payload);
	memset(slot->tts_isnull, 0, 3 * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(a->sort->state, slot);
}

bool
pase_sort_put(PaseSort *sort, int list, uint64_t heap_tid)
{
	SortArguments a = {.sort = sort,.list = list,.heap_tid = heap_tid};

	return GUARDED(pase_sort_put);
}

static void
pase_sort_perform_thunk(void *p)
{
	tuplesort_performsort(((SortArguments *) p)->sort->state);
}

bool
pase_sort_perform(PaseSort *sort)
{
	SortArguments a = {.sort = sort};

	return GUARDED(pase_sort_perform);
}

static void
pase_sort_next_thunk(void *p)
{
	SortArguments *a = p;
	TupleTableSlot *slot = a->sort->out;
	bool		is_null;

	a->found = tuplesort_gettupleslot(a->sort->state, true, false, slot, NULL);
	if (!a->found)
		return;
	a->list = DatumGetInt32(slot_getattr(slot, 1, &is_null));
	a->heap_tid = (uint64_t) DatumGetInt64(slot_getattr(slot, 2, &is_null));
	a->payload = VARDATA_ANY(DatumGetPointer(slot_getattr(slot, 3, &is_null)));
}

bool
pase_sort_next(PaseSort *sort, bool *found, int *list, uint64_t *heap_tid, const void **payload)
{
	SortArguments a = {.sort = sort};

	if (!GUARDED(pase_sort_next))
		return false;
	*found = a.found;
	*list = a.list;
	*heap_tid = a.heap_tid;
	*payload = a.payload;
	return true;
}

static void
pase_sort_end_thunk(void *p)
{
	SortArguments *a = p;

	tuplesort_end(a->sort->state);
	ExecDropSingleTupleTableSlot(a->sort->in);
	ExecDropSingleTupleTableSlot(a->sort->out);
}

bool
pase_sort_end(PaseSort *sort)
{
	SortArguments a = {.sort = sort};

	return GUARDED(pase_sort_end);
}

/* ---- triples of numbers ---- */

struct PaseNumbers
{
	Tuplesortstate *state;
	TupleTableSlot *in;
	TupleTableSlot *out;
};

typedef struct
{
	PaseNumbers *numbers;
	int			memory;
	uint64_t	triple[3];
	bool		found;
} NumbersArguments;

static void
pase_numbers_begin_thunk(void *p)
{
	NumbersArguments *a = p;
	AttrNumber	keys[] = {1, 2};
	Oid			operators[] = {Int8LessOperator, Int8LessOperator};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};
	PaseNumbers *numbers = palloc0(sizeof(PaseNumbers));
	TupleDesc	descriptor = CreateTemplateTupleDesc(3);

	TupleDescInitEntry(descriptor, 1, "key", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, 2, "place", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, 3, "note", INT8OID, -1, 0);
	numbers->in = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
	numbers->out = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
	numbers->state = tuplesort_begin_heap(descriptor, 2, keys, operators, collations, nulls_first,
										  a->memory, NULL, false);
	a->numbers = numbers;
}

bool
pase_numbers_begin(int memory_kilobytes, PaseNumbers **result)
{
	NumbersArguments a = {.memory = memory_kilobytes};

	if (!GUARDED(pase_numbers_begin))
		return false;
	*result = a.numbers;
	return true;
}

static void
pase_numbers_put_thunk(void *p)
{
	NumbersArguments *a = p;
	TupleTableSlot *slot = a->numbers->in;

	ExecClearTuple(slot);
	for (int i = 0; i < 3; i++)
	{
		slot->tts_values[i] = Int64GetDatum((int64) a->triple[i]);
		slot->tts_isnull[i] = false;
	}
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(a->numbers->state, slot);
}

bool
pase_numbers_put(PaseNumbers *numbers, uint64_t key, uint64_t place, uint64_t note)
{
	NumbersArguments a = {.numbers = numbers,.triple = {key, place, note}};

	return GUARDED(pase_numbers_put);
}

static void
pase_numbers_perform_thunk(void *p)
{
	tuplesort_performsort(((NumbersArguments *) p)->numbers->state);
}

bool
pase_numbers_perform(PaseNumbers *numbers)
{
	NumbersArguments a = {.numbers = numbers};

	return GUARDED(pase_numbers_perform);
}

static void
pase_numbers_next_thunk(void *p)
{
	NumbersArguments *a = p;
	TupleTableSlot *slot = a->numbers->out;
	bool		is_null;

	a->found = tuplesort_gettupleslot(a->numbers->state, true, false, slot, NULL);
	if (!a->found)
		return;
	for (int i = 0; i < 3; i++)
		a->triple[i] = (uint64_t) DatumGetInt64(slot_getattr(slot, i + 1, &is_null));
}

bool
pase_numbers_next(PaseNumbers *numbers, bool *found, uint64_t *key, uint64_t *place, uint64_t *note)
{
	NumbersArguments a = {.numbers = numbers};

	if (!GUARDED(pase_numbers_next))
		return false;
	*found = a.found;
	*key = a.triple[0];
	*place = a.triple[1];
	*note = a.triple[2];
	return true;
}

static void
pase_numbers_end_thunk(void *p)
{
	NumbersArguments *a = p;

	tuplesort_end(a->numbers->state);
	ExecDropSingleTupleTableSlot(a->numbers->in);
	ExecDropSingleTupleTableSlot(a->numbers->out);
}

bool
pase_numbers_end(PaseNumbers *numbers)
{
	NumbersArguments a = {.numbers = numbers};

	return GUARDED(pase_numbers_end);
}
