/*
 * Per session and relation: the buffer in which each block was last seen. ReadRecentBuffer() checks
 * that it still is there, and saves the look-up in the shared table of buffers, which is most of the
 * price of a page that is in memory. A wrong hint costs that check and nothing else. All tables of a session together
 * have 8 MB at most.
 */
#ifndef PASE_PAGE_HINTS_H
#define PASE_PAGE_HINTS_H

#include "Server.h"

#include "storage/buf_internals.h"

typedef struct PaseHint
{
	BlockNumber block;
	Buffer		buffer;
} PaseHint;

typedef struct PaseHints
{
	Oid			relation;
#if PG_VERSION_NUM >= 160000
	RelFileLocator file;
#else
	RelFileNode file;
#endif
	/* A table without chains: of the blocks whose numbers end alike, the one seen last. */
	PaseHint   *entries;
	uint32_t	mask;
	uint64_t	last_use;
} PaseHints;

/*
 * The hints of a relation. Good until the next call for another relation, so it is to be asked for
 * anew whenever the server may have done something else meanwhile. Cannot raise.
 */
extern PaseHints *pase_hints_of(Relation relation);

/* As pase_page_open() for the main fork. */
extern bool pase_page_open_hinted(PaseHints *hints, Relation relation, BlockNumber block, int mode,
								  Buffer *buffer, char **page);

/* What is to be done with the n-th page while it is locked; calls nothing of the server. False ends the visit. */
typedef bool (*PaseVisitPage) (void *state, int n, char *page);

/*
 * Opens blocks one after the other for reading, each closed before the next. `blocks` are `count` numbers whose upper
 * 32 bits are the block's. One guard around all of them: for many small looks that is what counts.
 */
extern bool pase_pages_visit(PaseHints *hints, Relation relation, const uint64_t *blocks, int count,
							 PaseVisitPage visit, void *state);

/* Tells the system that a block which is not known to be in memory will be read soon. */
extern bool pase_page_announce(PaseHints *hints, Relation relation, BlockNumber block);

/* Where the block was when it was last asked for, InvalidBuffer if that is not known. */
static inline __attribute__((always_inline)) Buffer
pase_hint(const PaseHints *hints, BlockNumber block)
{
	PaseHint	hint = hints->entries[block & hints->mask];

	return hint.block == block ? hint.buffer : InvalidBuffer;
}

/* Whether the block was in memory when it was last asked for. */
static inline __attribute__((always_inline)) bool
pase_hint_is_known(const PaseHints *hints, BlockNumber block)
{
	return pase_hint(hints, block) != InvalidBuffer;
}

/*
 * Fetches into the processor's caches what opening a block and reading `bytes` at `offset` of its page
 * will touch, if it is known to be in memory. The page is not pinned, so nothing of it is read.
 */
static inline __attribute__((always_inline)) void
pase_hint_prefetch(const PaseHints *hints, BlockNumber block, size_t offset, size_t bytes)
{
	Buffer		buffer = pase_hint(hints, block);

	if (buffer > 0)
	{
		const char *page = (const char *) BufferGetBlock(buffer);

		__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1, 3);
		__builtin_prefetch(page, 0, 3);
		for (size_t at = 0; at < bytes && offset + at < BLCKSZ; at += 64)
			__builtin_prefetch(page + offset + at, 0, 3);
	}
}

#endif
