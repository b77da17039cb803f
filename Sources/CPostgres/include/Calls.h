/*
 * Server calls that can raise. Each answers false when the server raised an error (see Guard.h);
 * results come through pointers and are set only when the answer is true.
 */
#ifndef PASE_CALLS_H
#define PASE_CALLS_H

#include "Parallel.h"
#include "Server.h"

/* ---- memory ---- */
extern bool pase_allocate(MemoryContext context, size_t size, bool zero, void **result);
extern bool pase_context_create(MemoryContext parent, const char *name, MemoryContext *result);
extern bool pase_context_reset(MemoryContext context);
extern bool pase_context_delete(MemoryContext context);
/* Calls release(object) when the context is reset or deleted, however that comes about. */
extern bool pase_context_on_reset(MemoryContext context, void (*release) (void *), void *object);

/* ---- values ---- */
extern bool pase_detoast(Datum value, void **result);
extern bool pase_report(int level, int sqlstate, const char *message, const char *hint);
extern bool pase_check_interrupts(void);
extern bool pase_type_name(Oid type, const char **result);

/* ---- buffers: the page is locked in the given mode (BUFFER_LOCK_SHARE or _EXCLUSIVE) ---- */
extern bool pase_page_open(Relation relation, ForkNumber fork, BlockNumber block, int mode,
						   Buffer *buffer, char **page);
/* A bulk read through the given strategy (or NULL), for passes over the whole index. */
extern bool pase_page_open_bulk(Relation relation, BlockNumber block, int mode,
								BufferAccessStrategy strategy, Buffer *buffer, char **page);
extern bool pase_page_close(Buffer buffer);
/* A new page at the end of the fork, locked exclusively. */
extern bool pase_page_extend(Relation relation, ForkNumber fork, Buffer *buffer, char **page);
/* So many new pages at the end of the main fork, none of them locked. */
extern bool pase_pages_add(Relation relation, uint32_t count);
/* One of those, locked exclusively; it is not read. */
extern bool pase_page_open_empty(Relation relation, BlockNumber block, Buffer *buffer, char **page);
extern bool pase_buffer_mark_dirty(Buffer buffer);
extern bool pase_relation_block_count(Relation relation, ForkNumber fork, BlockNumber *result);
extern bool pase_bulk_read_strategy(BufferAccessStrategy *result);
extern bool pase_free_strategy(BufferAccessStrategy strategy);

/* ---- page items ---- */
extern bool pase_page_initialize(char *page, size_t special_size);
/* Adds an item; *offset is 0 when the page has no room for it. */
extern bool pase_page_add_item(char *page, const void *item, size_t size, int *offset);
/* Removes an item; the offsets of the others stay what they are. */
extern bool pase_page_delete_item(char *page, int offset);

/* ---- write-ahead log ---- */
extern bool pase_wal_start(Relation relation, GenericXLogState **result);
extern bool pase_wal_register(GenericXLogState *state, Buffer buffer, bool is_new, char **page);
extern bool pase_wal_finish(GenericXLogState *state);
extern bool pase_wal_abort(GenericXLogState *state);
/*
 * Small changes to one page that are known byte by byte. They become the record that generic WAL would
 * make of them, which it has to find by comparing two images of the page.
 */
typedef struct PasePatch
{
	uint32_t	length;
	/* Bytes that `changes` has room for. */
	uint32_t	capacity;
	/* Per change: offset in the page, length, the bytes. This is what a generic record's replay reads. */
	char		changes[FLEXIBLE_ARRAY_MEMBER];
} PasePatch;

StaticAssertDecl(BLCKSZ <= PG_UINT16_MAX, "offsets and lengths in a page have to fit a change's 4 bytes of header");

/* Bytes of a patch with so many bytes of changes, their headers among them. */
static inline size_t pase_patch_size(size_t capacity) { return offsetof(PasePatch, changes) + capacity; }

/* Adds a change; false if there is no room. */
static inline bool
pase_patch_add(PasePatch *patch, size_t offset, const void *bytes, size_t count)
{
	uint16_t	header[2] = {(uint16_t) offset, (uint16_t) count};

	if (offset + count > BLCKSZ || patch->length + sizeof(header) + count > patch->capacity)
		return false;
	memcpy(patch->changes + patch->length, header, sizeof(header));
	memcpy(patch->changes + patch->length + sizeof(header), bytes, count);
	patch->length += sizeof(header) + count;
	return true;
}

/* Makes the changes to a page that is locked exclusively, and logs them if asked to. */
extern bool pase_patch_apply(PasePatch *patch, Relation relation, Buffer buffer, bool logged);
extern bool pase_wal_log_range(Relation relation, ForkNumber fork, BlockNumber first,
							   BlockNumber end);

/* ---- locks, free space ---- */
extern bool pase_lock_page(Relation relation, BlockNumber block, int mode);
extern bool pase_unlock_page(Relation relation, BlockNumber block, int mode);
extern bool pase_free_space_find(Relation relation, size_t needed, BlockNumber *result);
extern bool pase_free_space_record(Relation relation, BlockNumber block, size_t available);
extern bool pase_free_space_record_and_find(Relation relation, BlockNumber block,
											size_t available, size_t needed,
											BlockNumber *result);
extern bool pase_free_space_vacuum(Relation relation);

/* ---- relations and catalogues ---- */
extern bool pase_index_open(Oid id, int mode, Relation *result);
extern bool pase_index_close(Relation index, int mode);
/* Calls the index's support function, which takes no argument, for an int4. */
extern bool pase_index_support_int32(Relation index, int number, int32 *result);

typedef struct PaseOperatorClass
{
	char	   *name;
	Oid			family;
	char	   *family_name;
	Oid			input_type;
	Oid			key_type;
} PaseOperatorClass;

typedef struct PaseOperatorMember
{
	int			strategy;
	Oid			left_type;
	Oid			right_type;
	Oid			operator_id;
	char		purpose;
	Oid			sort_family;
	Oid			result_type;
} PaseOperatorMember;

typedef struct PaseFunctionMember
{
	int			number;
	Oid			left_type;
	Oid			right_type;
	Oid			function_id;
	bool		takes_nothing_gives_int32;
} PaseFunctionMember;

extern bool pase_operator_class(Oid id, PaseOperatorClass *result);
extern bool pase_operator_members(Oid family, PaseOperatorMember **result, int *count);
extern bool pase_function_members(Oid family, PaseFunctionMember **result, int *count);
/* Whether the operator may order by the family's sort operators, as amvalidate must ask. */
extern bool pase_sort_family_fits(Oid sort_family, Oid result_type, bool *result);

/* ---- reloptions ---- */
extern bool pase_option_kind(relopt_kind *result);
extern bool pase_option_int(relopt_kind kind, const char *name, const char *description,
							int default_value, int minimum, int maximum);
extern bool pase_option_string(relopt_kind kind, const char *name, const char *description,
							   const char *default_value);
/* Tells who changes options of an index that count when it is built; once per session, may not be undone. */
extern void pase_watch_options(void);
extern bool pase_options_build(Datum options, bool validate, relopt_kind kind, size_t size,
							   const relopt_parse_elt *elements, int count, bytea **result);

/* ---- access-method handler, build, scan, vacuum ---- */
extern bool pase_routine_create(IndexAmRoutine **result);
/*
 * Feeds the table's rows to row(state, ...), which runs in a memory context that is emptied after
 * each row. row() answers false when it noted a failure (Guard.h), which ends the scan.
 */
extern bool pase_build_scan(Relation heap, Relation index, IndexInfo *info, PaseBuildRow row,
							void *state, double *tuples);
/* The same between the server's frames, so it raises; `scan` is NULL or a share of a parallel scan. */
extern double pase_scan_for_build(Relation heap, Relation index, IndexInfo *info, bool progress,
								  PaseBuildRow row, void *state, TableScanDesc scan);
/* Counts the scan in the statistics. */
extern bool pase_scan_count(IndexScanDesc scan);
/* The same for what a snapshot sees and belongs into the index, with the TIDs that the index has; it raises, too. */
extern void pase_scan_with_snapshot(Relation heap, Relation index, Snapshot snapshot,
									PaseBuildRow row, void *state);
/*
 * The same for the table and the snapshot of an index scan, without rows that do not meet the scan's conditions, as far as
 * those are known.
 */
extern bool pase_scan_table(IndexScanDesc scan, PaseBuildRow row, void *state);
/*
 * How many rows the plan of the running statement wants of a scan: what a LIMIT above asks for, more if a condition will
 * drop some; infinite: all; below 0: it may stop anywhere. Not found: the plan does not say. And whether it sets conditions.
 */
extern bool pase_scan_rows_wanted(IndexScanDesc scan, bool *found, double *rows, bool *conditional);
/*
 * Whether the running statement locks rows, on a server whose executor loses a row's TID when it puts the answers of an index scan
 * into another order: version 18.
 */
extern bool pase_must_not_reorder(void);
/*
 * The conditions that the plan of the running statement sets for the rows of a scan, with the values of parameters; none
 * if some depend on more than the row. It raises.
 */
extern List *pase_scan_conditions(IndexScanDesc scan);
/* Once in each session, before any scan. */
extern void pase_note_running_statements(void);
extern bool pase_scan_create(Relation index, int keys, int order_bys, IndexScanDesc *result);
/* Tells who debugs how many vectors a scan has left out for the sake of the order. */
extern bool pase_report_late(Relation index, int64_t vectors);
extern bool pase_is_dead(IndexBulkDeleteCallback callback, void *state, uint64_t heap_tid,
						 bool *result);
extern bool pase_vacuum_delay(bool is_analyze);
extern bool pase_build_result(double heap_tuples, double index_tuples, IndexBuildResult **result);
extern bool pase_bulk_delete_result(IndexBulkDeleteResult **result);

/* ---- sort: rows (list, heap TID, payload) by list ---- */
typedef struct PaseSort PaseSort;

/*
 * A sort of one's own (shared is NULL), one participant's part of a shared sort (participants is -1),
 * or the leader's merging of the parts that `participants` have made.
 */
extern bool pase_sort_begin(size_t payload_bytes, int memory_kilobytes, Sharedsort *shared,
							int participants, PaseSort **result);
/* Room for the payload of the row that is put next. */
extern void *pase_sort_payload(PaseSort *sort);
extern bool pase_sort_put(PaseSort *sort, int list, uint64_t heap_tid);
extern bool pase_sort_perform(PaseSort *sort);
/* The payload stays where it is until the next call; it may have any alignment. */
extern bool pase_sort_next(PaseSort *sort, bool *found, int *list, uint64_t *heap_tid,
						   const void **payload);
extern bool pase_sort_end(PaseSort *sort);

/* ---- sort: triples of numbers below 2^63 (but for the note) by key and place ---- */
typedef struct PaseNumbers PaseNumbers;

extern bool pase_numbers_begin(int memory_kilobytes, PaseNumbers **result);
extern bool pase_numbers_put(PaseNumbers *numbers, uint64_t key, uint64_t place, uint64_t note);
extern bool pase_numbers_perform(PaseNumbers *numbers);
extern bool pase_numbers_next(PaseNumbers *numbers, bool *found, uint64_t *key, uint64_t *place,
							  uint64_t *note);
extern bool pase_numbers_end(PaseNumbers *numbers);

/* ---- files ---- */
/* The content of a file on the server, for members of pg_read_server_files. */
extern bool pase_read_server_file(const char *path, char **content, size_t *length);

/* ---- checking an index ---- */
typedef struct PaseRows PaseRows;
typedef struct PaseChecked PaseChecked;

typedef enum PaseChecked_Method
{
	PASE_CHECKED_HNSW,
	PASE_CHECKED_IVFFLAT
} PaseChecked_Method;

typedef enum PaseRowState
{
	/* Something is in the row's place: a row, whoever sees it, or what is left of one. */
	PASE_ROW_PRESENT,
	PASE_ROW_MISSING
} PaseRowState;

/* The answer of a function that returns rows (int8, int4, text, text); -1 is NULL. */
extern bool pase_rows_begin(FunctionCallInfo call, PaseRows **result);
extern bool pase_rows_add(PaseRows *rows, int64_t block, int item, const char *severity,
						  const char *message);
/*
 * Opens an index of ours and its table for a check, if there is nothing against it; with a snapshot
 * if they are to be compared.
 */
extern bool pase_checked_open(Oid index, bool with_snapshot, PaseChecked **result);
extern Relation pase_checked_index(const PaseChecked *checked);
extern PaseChecked_Method pase_checked_method(const PaseChecked *checked);
extern bool pase_checked_close(PaseChecked *checked);
/* Feeds what the snapshot sees of the table and belongs into the index to row(state, ...). */
extern bool pase_checked_scan(PaseChecked *checked, PaseBuildRow row, void *state);
/* Whether there is anything at a place of the table. */
extern bool pase_checked_row(PaseChecked *checked, uint64_t tid, PaseRowState *result);

/* ---- planner ---- */
typedef struct PaseCosts
{
	/* The index's. */
	double		index_tuples;
	double		index_pages;
	double		selectivity;
	/* The table's: rows that meet all conditions, and what the conditions cost for each row. */
	double		table_pages;
	double		table_tuples;
	double		rows;
	double		condition_cost;
	/* Rows that the statement wants of this scan: 0 if it has a LIMIT that is not known yet, -1 for all. */
	double		limit;
	double		random_page_cost;
	double		sequential_page_cost;
} PaseCosts;

extern bool pase_path_costs(PlannerInfo *root, IndexPath *path, double loop_count, PaseCosts *result);

typedef struct PaseOrderBy
{
	/* Distances that the path orders by; the rest is set where it is one. */
	int			count;
	/* The operator's strategy in the index's family, 0 for none. */
	int			strategy;
	/* The operator's right-hand side, where the planner can tell it. */
	bool		is_constant;
	bool		is_null;
	Datum		value;
	/* Metric and effort of a right-hand side of type pase, -1 where the planner cannot tell them. */
	int			metric;
	int			effort;
	/* Whether the statement is a plain search of one table; see pase_path_mark_plain. */
	bool		is_plain;
	/* Whether the table's rows have to meet any condition. */
	bool		has_conditions;
	/* The metrics that the column has indexes of, as bits. */
	uint32		metrics_of_column;
} PaseOrderBy;

extern bool pase_path_order_by(PlannerInfo *root, IndexPath *path, PaseOrderBy *result);
/*
 * Tells the scan that will be made of the path that its statement is a plain search, by a collation that there is not:
 * that of the operator, which has none, is all of an ORDER BY that goes on from the plan to the scan's keys and is not
 * taken yet. pase_scan_is_plain reads it.
 */
extern bool pase_path_mark_plain(IndexPath *path);

#endif
