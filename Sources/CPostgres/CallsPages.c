/* Buffers, page items, locks and free space. See Calls.h. */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

typedef struct
{
	Relation	relation;
	ForkNumber	fork;
	BlockNumber block;
	int			mode;
	BufferAccessStrategy strategy;
	Buffer		buffer;
} PageArguments;

static void
pase_page_open_thunk(void *p)
{
	PageArguments *a = p;

	/* The server would take it for the wish for a new page. */
	if (a->block == P_NEW)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is damaged", RelationGetRelationName(a->relation)),
				 errdetail("A reference leads to block %u.", a->block),
				 errhint("Please REINDEX it.")));
	a->buffer = ReadBufferExtended(a->relation, a->fork, a->block, RBM_NORMAL, a->strategy);
	LockBuffer(a->buffer, a->mode);
}

bool
pase_page_open(Relation relation, ForkNumber fork, BlockNumber block, int mode,
			   Buffer *buffer, char **page)
{
	PageArguments a = {relation, fork, block, mode, NULL, InvalidBuffer};

	if (!GUARDED(pase_page_open))
		return false;
	*buffer = a.buffer;
	*page = BufferGetPage(a.buffer);
	return true;
}

bool
pase_page_open_bulk(Relation relation, BlockNumber block, int mode,
					BufferAccessStrategy strategy, Buffer *buffer, char **page)
{
	PageArguments a = {relation, MAIN_FORKNUM, block, mode, strategy, InvalidBuffer};

	if (!GUARDED(pase_page_open))
		return false;
	*buffer = a.buffer;
	*page = BufferGetPage(a.buffer);
	return true;
}

static void
pase_page_close_thunk(void *p)
{
	UnlockReleaseBuffer(((PageArguments *) p)->buffer);
}

bool
pase_page_close(Buffer buffer)
{
	PageArguments a = {NULL, MAIN_FORKNUM, 0, 0, NULL, buffer};

	return GUARDED(pase_page_close);
}

static void
pase_page_extend_thunk(void *p)
{
	PageArguments *a = p;

#if PG_VERSION_NUM >= 160000
	a->buffer = ExtendBufferedRel(BMR_REL(a->relation), a->fork, NULL, EB_LOCK_FIRST);
#else
	/* Two backends must not extend at once; a relation that only we see needs no lock. */
	bool		lock = !RELATION_IS_LOCAL(a->relation);

	if (lock)
		LockRelationForExtension(a->relation, ExclusiveLock);
	a->buffer = ReadBufferExtended(a->relation, a->fork, P_NEW, RBM_NORMAL, NULL);
	LockBuffer(a->buffer, BUFFER_LOCK_EXCLUSIVE);
	if (lock)
		UnlockRelationForExtension(a->relation, ExclusiveLock);
#endif
}

bool
pase_page_extend(Relation relation, ForkNumber fork, Buffer *buffer, char **page)
{
	PageArguments a = {relation, fork, 0, 0, NULL, InvalidBuffer};

	if (!GUARDED(pase_page_extend))
		return false;
	*buffer = a.buffer;
	*page = BufferGetPage(a.buffer);
	return true;
}

/* As many as the server adds at once at the most. */
#define PAGES_AT_ONCE 64

static void
pase_pages_add_thunk(void *p)
{
	PageArguments *a = p;
	uint32		left = a->block;

	while (left > 0)
	{
		CHECK_FOR_INTERRUPTS();
#if PG_VERSION_NUM >= 160000
		Buffer		buffers[PAGES_AT_ONCE];
		uint32		added = 0;

		/* The system notes that many pages are there, where one would be written with zeros. */
		ExtendBufferedRelBy(BMR_REL(a->relation), a->fork, NULL, 0, Min(left, PAGES_AT_ONCE), buffers,
							&added);
		for (uint32 n = 0; n < added; n++)
			ReleaseBuffer(buffers[n]);
		left -= added;
#else
		pase_page_extend_thunk(p);
		UnlockReleaseBuffer(a->buffer);
		left--;
#endif
	}
}

bool
pase_pages_add(Relation relation, uint32_t count)
{
	PageArguments a = {relation, MAIN_FORKNUM, count, 0, NULL, InvalidBuffer};

	return GUARDED(pase_pages_add);
}

static void
pase_page_open_empty_thunk(void *p)
{
	PageArguments *a = p;

	a->buffer = ReadBufferExtended(a->relation, MAIN_FORKNUM, a->block, RBM_ZERO_AND_LOCK, NULL);
}

bool
pase_page_open_empty(Relation relation, BlockNumber block, Buffer *buffer, char **page)
{
	PageArguments a = {relation, MAIN_FORKNUM, block, 0, NULL, InvalidBuffer};

	if (!GUARDED(pase_page_open_empty))
		return false;
	*buffer = a.buffer;
	*page = BufferGetPage(a.buffer);
	return true;
}

static void
pase_buffer_mark_dirty_thunk(void *p)
{
	MarkBufferDirty(((PageArguments *) p)->buffer);
}

bool
pase_buffer_mark_dirty(Buffer buffer)
{
	PageArguments a = {NULL, MAIN_FORKNUM, 0, 0, NULL, buffer};

	return GUARDED(pase_buffer_mark_dirty);
}

static void
pase_relation_block_count_thunk(void *p)
{
	PageArguments *a = p;

	a->block = RelationGetNumberOfBlocksInFork(a->relation, a->fork);
}

bool
pase_relation_block_count(Relation relation, ForkNumber fork, BlockNumber *result)
{
	PageArguments a = {relation, fork, 0, 0, NULL, InvalidBuffer};

	if (!GUARDED(pase_relation_block_count))
		return false;
	*result = a.block;
	return true;
}

static void
pase_bulk_read_strategy_thunk(void *p)
{
	((PageArguments *) p)->strategy = GetAccessStrategy(BAS_BULKREAD);
}

bool
pase_bulk_read_strategy(BufferAccessStrategy *result)
{
	PageArguments a = {NULL, MAIN_FORKNUM, 0, 0, NULL, InvalidBuffer};

	if (!GUARDED(pase_bulk_read_strategy))
		return false;
	*result = a.strategy;
	return true;
}

static void
pase_free_strategy_thunk(void *p)
{
	FreeAccessStrategy(((PageArguments *) p)->strategy);
}

bool
pase_free_strategy(BufferAccessStrategy strategy)
{
	PageArguments a = {NULL, MAIN_FORKNUM, 0, 0, strategy, InvalidBuffer};

	return GUARDED(pase_free_strategy);
}

typedef struct
{
	char	   *page;
	const void *item;
	size_t		size;
	int			offset;
} ItemArguments;

static void
pase_page_initialize_thunk(void *p)
{
	ItemArguments *a = p;

	PageInit(a->page, BLCKSZ, a->size);
}

bool
pase_page_initialize(char *page, size_t special_size)
{
	ItemArguments a = {page, NULL, special_size, 0};

	return GUARDED(pase_page_initialize);
}

/* PageAddItem() meets damaged page pointers with a PANIC, which is not for us to cause, and takes it for granted
 * that a line pointer that is free points to nothing. */
static void
check_page_pointers(const char *page)
{
	const PageHeaderData *header = (const PageHeaderData *) page;
	OffsetNumber offset,
				last;

	if (header->pd_lower < SizeOfPageHeaderData || header->pd_lower > header->pd_upper ||
		header->pd_upper > header->pd_special || header->pd_special > BLCKSZ)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("corrupted page pointers: lower = %u, upper = %u, special = %u",
						header->pd_lower, header->pd_upper, header->pd_special)));
	if (!PageHasFreeLinePointers((Page) page))
		return;
	last = PageGetMaxOffsetNumber((Page) page);
	for (offset = FirstOffsetNumber; offset <= last; offset++)
	{
		const ItemIdData *pointer = PageGetItemId((Page) page, offset);

		if (!ItemIdIsUsed(pointer) && ItemIdHasStorage(pointer))
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("damaged line pointer %u", offset)));
	}
}

static void
pase_page_add_item_thunk(void *p)
{
	ItemArguments *a = p;

	check_page_pointers(a->page);
	a->offset = PageAddItem(a->page, (Item) a->item, a->size, InvalidOffsetNumber, false, false);
}

bool
pase_page_add_item(char *page, const void *item, size_t size, int *offset)
{
	ItemArguments a = {page, item, size, 0};

	if (!GUARDED(pase_page_add_item))
		return false;
	*offset = a.offset;
	return true;
}

static void
pase_page_delete_item_thunk(void *p)
{
	ItemArguments *a = p;

	check_page_pointers(a->page);
	PageIndexTupleDeleteNoCompact(a->page, (OffsetNumber) a->offset);
	/* Without the hint PageAddItem() would not look for the line pointer that came free. */
	PageSetHasFreeLinePointers(a->page);
}

bool
pase_page_delete_item(char *page, int offset)
{
	ItemArguments a = {page, NULL, 0, offset};

	return GUARDED(pase_page_delete_item);
}

typedef struct
{
	Relation	relation;
	BlockNumber block;
	int			mode;
	size_t		available;
	size_t		needed;
	BlockNumber result;
} SpaceArguments;

static void
pase_lock_page_thunk(void *p)
{
	SpaceArguments *a = p;

	LockPage(a->relation, a->block, a->mode);
}

bool
pase_lock_page(Relation relation, BlockNumber block, int mode)
{
	SpaceArguments a = {relation, block, mode, 0, 0, 0};

	return GUARDED(pase_lock_page);
}

static void
pase_unlock_page_thunk(void *p)
{
	SpaceArguments *a = p;

	UnlockPage(a->relation, a->block, a->mode);
}

bool
pase_unlock_page(Relation relation, BlockNumber block, int mode)
{
	SpaceArguments a = {relation, block, mode, 0, 0, 0};

	return GUARDED(pase_unlock_page);
}

static void
pase_free_space_find_thunk(void *p)
{
	SpaceArguments *a = p;

	a->result = GetPageWithFreeSpace(a->relation, a->needed);
}

bool
pase_free_space_find(Relation relation, size_t needed, BlockNumber *result)
{
	SpaceArguments a = {relation, 0, 0, 0, needed, InvalidBlockNumber};

	if (!GUARDED(pase_free_space_find))
		return false;
	*result = a.result;
	return true;
}

static void
pase_free_space_record_thunk(void *p)
{
	SpaceArguments *a = p;

	RecordPageWithFreeSpace(a->relation, a->block, a->available);
}

bool
pase_free_space_record(Relation relation, BlockNumber block, size_t available)
{
	SpaceArguments a = {relation, block, 0, available, 0, InvalidBlockNumber};

	return GUARDED(pase_free_space_record);
}

static void
pase_free_space_record_and_find_thunk(void *p)
{
	SpaceArguments *a = p;

	a->result = RecordAndGetPageWithFreeSpace(a->relation, a->block, a->available, a->needed);
}

bool
pase_free_space_record_and_find(Relation relation, BlockNumber block, size_t available,
								size_t needed, BlockNumber *result)
{
	SpaceArguments a = {relation, block, 0, available, needed, InvalidBlockNumber};

	if (!GUARDED(pase_free_space_record_and_find))
		return false;
	*result = a.result;
	return true;
}

static void
pase_free_space_vacuum_thunk(void *p)
{
	FreeSpaceMapVacuum(((SpaceArguments *) p)->relation);
}

bool
pase_free_space_vacuum(Relation relation)
{
	SpaceArguments a = {relation, 0, 0, 0, 0, 0};

	return GUARDED(pase_free_space_vacuum);
}
