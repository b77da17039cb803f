/* Changes to pages that the write-ahead log knows. See Calls.h. */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

typedef struct
{
	Relation	relation;
	GenericXLogState *state;
	Buffer		buffer;
	bool		is_new;
	Page		page;
} WalArguments;

static void
pase_wal_start_thunk(void *p)
{
	WalArguments *a = p;

	a->state = GenericXLogStart(a->relation);
}

bool
pase_wal_start(Relation relation, GenericXLogState **result)
{
	WalArguments a = {relation, NULL, InvalidBuffer, false, NULL};

	if (!GUARDED(pase_wal_start))
		return false;
	*result = a.state;
	return true;
}

static void
pase_wal_register_thunk(void *p)
{
	WalArguments *a = p;

	a->page = GenericXLogRegisterBuffer(a->state, a->buffer,
										a->is_new ? GENERIC_XLOG_FULL_IMAGE : 0);
}

bool
pase_wal_register(GenericXLogState *state, Buffer buffer, bool is_new, char **page)
{
	WalArguments a = {NULL, state, buffer, is_new, NULL};

	if (!GUARDED(pase_wal_register))
		return false;
	*page = a.page;
	return true;
}

static void
pase_wal_finish_thunk(void *p)
{
	GenericXLogFinish(((WalArguments *) p)->state);
}

bool
pase_wal_finish(GenericXLogState *state)
{
	WalArguments a = {NULL, state, InvalidBuffer, false, NULL};

	return GUARDED(pase_wal_finish);
}

static void
pase_wal_abort_thunk(void *p)
{
	GenericXLogAbort(((WalArguments *) p)->state);
}

bool
pase_wal_abort(GenericXLogState *state)
{
	WalArguments a = {NULL, state, InvalidBuffer, false, NULL};

	return GUARDED(pase_wal_abort);
}

typedef struct
{
	PasePatch  *patch;
	Relation	relation;
	Buffer		buffer;
	bool		logged;
} PatchArguments;

static void
pase_patch_apply_thunk(void *p)
{
	PatchArguments *a = p;
	Page		page = BufferGetPage(a->buffer);
	PageHeader	header = (PageHeader) page;
	const char *change = a->patch->changes;
	const char *end = change + a->patch->length;

	/* Replay leaves zeros between line pointers and items, so nothing may be written there. */
	while (change < end)
	{
		uint16_t	place[2];

		memcpy(place, change, sizeof(place));
		if (place[0] < header->pd_upper && place[0] + place[1] > header->pd_lower)
			elog(ERROR, "a change to the free space of a page");
		change += sizeof(place) + place[1];
	}
	START_CRIT_SECTION();
	for (change = a->patch->changes; change < end;)
	{
		uint16_t	place[2];

		memcpy(place, change, sizeof(place));
		memcpy(page + place[0], change + sizeof(place), place[1]);
		change += sizeof(place) + place[1];
	}
	MarkBufferDirty(a->buffer);
	if (a->logged && RelationNeedsWAL(a->relation))
	{
		XLogRecPtr	lsn;

		XLogBeginInsert();
		XLogRegisterBuffer(0, a->buffer, REGBUF_STANDARD);
		XLogRegisterBufData(0, a->patch->changes, a->patch->length);
		lsn = XLogInsert(RM_GENERIC_ID, 0);
		PageSetLSN(page, lsn);
	}
	END_CRIT_SECTION();
}

bool
pase_patch_apply(PasePatch *patch, Relation relation, Buffer buffer, bool logged)
{
	PatchArguments a = {patch, relation, buffer, logged};

	return GUARDED(pase_patch_apply);
}

typedef struct
{
	Relation	relation;
	ForkNumber	fork;
	BlockNumber first;
	BlockNumber end;
} RangeArguments;

static void
pase_wal_log_range_thunk(void *p)
{
	RangeArguments *a = p;

	log_newpage_range(a->relation, a->fork, a->first, a->end, true);
}

bool
pase_wal_log_range(Relation relation, ForkNumber fork, BlockNumber first, BlockNumber end)
{
	RangeArguments a = {relation, fork, first, end};

	return GUARDED(pase_wal_log_range);
}
