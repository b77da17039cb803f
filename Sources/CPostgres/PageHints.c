/*
 * Where pages were last seen in the buffer pool. See PageHints.h.
 */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

/* More indexes than this in one session take each other's memory. */
#define MAXIMUM_RELATIONS 64

static PaseHints relations[MAXIMUM_RELATIONS];
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
		if (own->buffers != NULL)
			pfree(own->buffers);
		own->buffers = NULL;
		own->count = 0;
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

/* Notes where a block is. Running out of memory here is no reason to fail: it is only a hint. */
static void
remember(PaseHints *hints, BlockNumber block, Buffer buffer)
{
	if (block >= hints->count)
	{
		BlockNumber count = Max(block + 1, hints->count * 2);
		Buffer	   *larger;

		if (count < 256)
			count = 256;
		larger = MemoryContextAllocExtended(TopMemoryContext, sizeof(Buffer) * (Size) count,
											MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
		if (larger == NULL)
			return;
		if (hints->buffers != NULL)
		{
			memcpy(larger, hints->buffers, sizeof(Buffer) * (Size) hints->count);
			pfree(hints->buffers);
		}
		hints->buffers = larger;
		hints->count = count;
	}
	hints->buffers[block] = buffer;
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
				 errmsg("index \"%s\" is damaged: something leads to block %u of %u",
						RelationGetRelationName(relation), block, count),
				 errhint("Please REINDEX it.")));
}

static inline Buffer
read_hinted(PaseHints *hints, Relation relation, BlockNumber block)
{
	Buffer		buffer = InvalidBuffer;

	if (block < hints->count)
		buffer = hints->buffers[block];
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
