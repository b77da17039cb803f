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

static void
pase_page_open_hinted_thunk(void *p)
{
	HintedArguments *a = p;
	Buffer		recent = InvalidBuffer;

	if (a->block < a->hints->count)
		recent = a->hints->buffers[a->block];
	if (recent != InvalidBuffer && ReadRecentBuffer(a->hints->file, MAIN_FORKNUM, a->block, recent))
	{
		a->buffer = recent;
		/* What ReadBuffer() counts of a hit. */
		pgstat_count_buffer_read(a->relation);
		pgstat_count_buffer_hit(a->relation);
	}
	else
	{
		/* A block that this session has seen is there. */
		if (recent == InvalidBuffer)
			require_block(a->relation, a->block);
		a->buffer = ReadBuffer(a->relation, a->block);
		remember(a->hints, a->block, a->buffer);
	}
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
