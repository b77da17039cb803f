/*
 * Where pages were last seen in the buffer pool. See PageHints.h.
 */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

/* More indexes than this in one session take each other's memory. */
#define MAXIMUM_RELATIONS 64
/* Entries of all tables of a session together, 8 bytes each. */
#define MAXIMUM_ENTRIES (1 << 20)
#define FIRST_ENTRIES 256

/* What relations have of which nothing is known yet. */
static PaseHint nothing = {InvalidBlockNumber, InvalidBuffer};

static PaseHints relations[MAXIMUM_RELATIONS];
static uint32 entries_taken = 0;
static uint64_t uses = 0;

static bool
is_same_file(const PaseHints *hints, Relation relation)
{
#if PG_VERSION_NUM >= 160000
	return RelFileLocatorEquals(hints->file, relation->rd_locator);
#else
	return RelFileNodeEquals(hints->file, relation->rd_node);
#endif
}

/* Gives back the memory of a relation's table. */
static void
forget(PaseHints *hints)
{
	if (hints->entries != NULL && hints->entries != &nothing)
	{
		pfree(hints->entries);
		entries_taken -= hints->mask + 1;
	}
	hints->entries = &nothing;
	hints->mask = 0;
}

PaseHints *
pase_hints_of(Relation relation)
{
	PaseHints  *oldest = &relations[0];
	PaseHints  *own = NULL;

	for (int n = 0; n < MAXIMUM_RELATIONS; n++)
	{
		if (relations[n].relation == RelationGetRelid(relation))
		{
			own = &relations[n];
			break;
		}
		if (relations[n].last_use < oldest->last_use)
			oldest = &relations[n];
	}
	if (own == NULL || !is_same_file(own, relation))
	{
		if (own == NULL)
			own = oldest;
		forget(own);
		own->relation = RelationGetRelid(relation);
#if PG_VERSION_NUM >= 160000
		own->file = relation->rd_locator;
#else
		own->file = relation->rd_node;
#endif
	}
	own->last_use = ++uses;
	return own;
}

/*
 * Makes a relation's table large enough for a block, if it may become so large: else blocks share their entries. Other
 * relations' tables make room, those first that have not been used for longest. Running out of memory here is no reason
 * to fail: it is only a hint.
 */
static void
enlarge(PaseHints *hints, BlockNumber block)
{
	uint32		former = hints->entries == &nothing ? 0 : hints->mask + 1;
	uint32		count = Max(former, FIRST_ENTRIES);
	PaseHint   *larger;

	while (count <= block && count < MAXIMUM_ENTRIES)
		count *= 2;
	/* Beyond some times the buffers there are, hints are mostly wrong. */
	while (count / 4 > (uint32) Max(NBuffers, NLocBuffer) && count > Max(former, FIRST_ENTRIES))
		count /= 2;
	if (count == former)
		return;
	while (entries_taken - former + count > MAXIMUM_ENTRIES)
	{
		PaseHints  *oldest = NULL;

		for (int n = 0; n < MAXIMUM_RELATIONS; n++)
		{
			PaseHints  *other = &relations[n];

			if (other != hints && other->entries != NULL && other->entries != &nothing &&
				(oldest == NULL || other->last_use < oldest->last_use))
				oldest = other;
		}
		if (oldest == NULL)
			return;
		forget(oldest);
	}
	larger = MemoryContextAllocExtended(TopMemoryContext, sizeof(PaseHint) * (Size) count,
										MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
	if (larger == NULL)
		return;
	for (uint32 n = 0; n < former; n++)
	{
		PaseHint	hint = hints->entries[n];

		if (hint.buffer != InvalidBuffer)
			larger[hint.block & (count - 1)] = hint;
	}
	forget(hints);
	hints->entries = larger;
	hints->mask = count - 1;
	entries_taken += count;
}

/* Notes where a block is. */
static void
remember(PaseHints *hints, BlockNumber block, Buffer buffer)
{
	if (block > hints->mask || hints->entries == &nothing)
		enlarge(hints, block);
	if (hints->entries != &nothing)
	{
		hints->entries[block & hints->mask].block = block;
		hints->entries[block & hints->mask].buffer = buffer;
	}
}

typedef struct
{
	PaseHints  *hints;
	Relation	relation;
	BlockNumber block;
	int			mode;
	Buffer		buffer;
} HintedArguments;

/*
 * Whatever a damaged page leads to, it is no block past the end: the server would say so with another
 * error, and would take the highest number of all for the wish for a new page.
 */
static void
require_block(Relation relation, BlockNumber block)
{
	BlockNumber count = RelationGetNumberOfBlocks(relation);

	if (block >= count)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is damaged", RelationGetRelationName(relation)),
				 errdetail("A reference leads to block %u, but the index has %u blocks.", block, count),
				 errhint("Please REINDEX it.")));
}

static inline Buffer
read_hinted(PaseHints *hints, Relation relation, BlockNumber block)
{
	Buffer		buffer = pase_hint(hints, block);

	if (buffer != InvalidBuffer && ReadRecentBuffer(hints->file, MAIN_FORKNUM, block, buffer))
	{
		/* What ReadBuffer() counts of a hit. */
		pgstat_count_buffer_read(relation);
		pgstat_count_buffer_hit(relation);
		return buffer;
	}
	/* A block that this session has seen is there. */
	if (buffer == InvalidBuffer)
		require_block(relation, block);
	buffer = ReadBuffer(relation, block);
	remember(hints, block, buffer);
	return buffer;
}

static void
pase_page_open_hinted_thunk(void *p)
{
	HintedArguments *a = p;

	a->buffer = read_hinted(a->hints, a->relation, a->block);
	LockBuffer(a->buffer, a->mode);
}

bool
pase_page_open_hinted(PaseHints *hints, Relation relation, BlockNumber block, int mode,
					  Buffer *buffer, char **page)
{
	HintedArguments a = {hints, relation, block, mode, InvalidBuffer};

	if (!GUARDED(pase_page_open_hinted))
		return false;
	*buffer = a.buffer;
	*page = BufferGetPage(a.buffer);
	return true;
}

typedef struct
{
	PaseHints  *hints;
	Relation	relation;
	const uint64_t *blocks;
	int			count;
	PaseVisitPage visit;
	void	   *state;
} VisitArguments;

static void
pase_pages_visit_thunk(void *p)
{
	VisitArguments *a = p;

	for (int n = 0; n < a->count; n++)
	{
		Buffer		buffer = read_hinted(a->hints, a->relation, (BlockNumber) (a->blocks[n] >> 32));
		bool		goes_on;

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		goes_on = a->visit(a->state, n, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (!goes_on)
			return;
	}
}

bool
pase_pages_visit(PaseHints *hints, Relation relation, const uint64_t *blocks, int count,
				 PaseVisitPage visit, void *state)
{
	VisitArguments a = {hints, relation, blocks, count, visit, state};

	return GUARDED(pase_pages_visit);
}

static void
pase_page_announce_thunk(void *p)
{
	HintedArguments *a = p;
	PrefetchBufferResult result;

	require_block(a->relation, a->block);
	result = PrefetchBuffer(a->relation, MAIN_FORKNUM, a->block);
	if (BufferIsValid(result.recent_buffer))
		remember(a->hints, a->block, result.recent_buffer);
}

bool
pase_page_announce(PaseHints *hints, Relation relation, BlockNumber block)
{
	HintedArguments a = {hints, relation, block, 0, InvalidBuffer};

	return GUARDED(pase_page_announce);
}
