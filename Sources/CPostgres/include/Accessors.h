/*
 * Macros, bit fields and flexible arrays of the server as static inlines that Swift can call.
 * Nothing in this file can raise.
 */
#ifndef PASE_ACCESSORS_H
#define PASE_ACCESSORS_H

#include "Server.h"

#define PASE_PURE static inline __attribute__((always_inline))

/* ---- SQLSTATEs: macros with commas and casts do not reach Swift ---- */
PASE_PURE int pase_sqlstate(char a, char b, char c, char d, char e)
{
	return MAKE_SQLSTATE(a, b, c, d, e);
}

/* ---- function calls ---- */
PASE_PURE Datum pase_argument(FunctionCallInfo call, int n) { return call->args[n].value; }
PASE_PURE bool pase_argument_is_null(FunctionCallInfo call, int n) { return call->args[n].isnull; }
PASE_PURE void pase_return_null(FunctionCallInfo call) { call->isnull = true; }
/* NULL outside of an aggregate. */
PASE_PURE MemoryContext pase_aggregate_context(FunctionCallInfo call)
{
	MemoryContext context = NULL;

	return AggCheckCallContext(call, &context) ? context : NULL;
}

PASE_PURE void *pase_datum_pointer(Datum d) { return DatumGetPointer(d); }
PASE_PURE Datum pase_pointer_datum(const void *p) { return PointerGetDatum(p); }
PASE_PURE Datum pase_float4_datum(float v) { return Float4GetDatum(v); }
PASE_PURE Datum pase_int32_datum(int32 v) { return Int32GetDatum(v); }
PASE_PURE int32 pase_datum_int32(Datum d) { return DatumGetInt32(d); }
PASE_PURE Datum pase_bool_datum(bool v) { return BoolGetDatum(v); }
PASE_PURE Oid pase_datum_oid(Datum d) { return DatumGetObjectId(d); }

/* ---- varlena ---- */
PASE_PURE size_t pase_varlena_size(const void *v) { return VARSIZE_ANY(v); }
PASE_PURE size_t pase_varlena_data_size(const void *v) { return VARSIZE_ANY_EXHDR(v); }
PASE_PURE const char *pase_varlena_data(const void *v) { return VARDATA_ANY(v); }
PASE_PURE bool pase_varlena_is_plain(const void *v) { return !VARATT_IS_EXTENDED(v); }
PASE_PURE bool pase_varlena_is_short(const void *v) { return VARATT_IS_SHORT(v); }
PASE_PURE void pase_varlena_set_size(void *v, size_t size) { SET_VARSIZE(v, size); }

/* ---- arrays (detoasted, with a four-byte header) ---- */
PASE_PURE int pase_array_dimension_count(const ArrayType *a) { return ARR_NDIM(a); }
PASE_PURE int pase_array_dimension(const ArrayType *a, int n) { return ARR_DIMS(a)[n]; }
PASE_PURE bool pase_array_has_nulls(const ArrayType *a) { return ARR_HASNULL(a); }
PASE_PURE const uint8 *pase_array_null_bitmap(const ArrayType *a) { return ARR_NULLBITMAP(a); }
PASE_PURE Oid pase_array_element_type(const ArrayType *a) { return ARR_ELEMTYPE(a); }
PASE_PURE const char *pase_array_data(const ArrayType *a) { return ARR_DATA_PTR(a); }
PASE_PURE size_t pase_array_size(const ArrayType *a) { return VARSIZE(a); }
/* An array of one dimension without NULLs, in zeroed memory of the size below; returns the elements. */
PASE_PURE int pase_array_maximum_elements(void)
{
	return (MaxAllocSize - ARR_OVERHEAD_NONULLS(1)) / sizeof(float4);
}
PASE_PURE size_t pase_float4_array_size(int count)
{
	return ARR_OVERHEAD_NONULLS(1) + (size_t) count * sizeof(float4);
}
PASE_PURE float4 *pase_float4_array_initialize(ArrayType *a, int count)
{
	SET_VARSIZE(a, pase_float4_array_size(count));
	a->ndim = 1;
	a->dataoffset = 0;
	a->elemtype = FLOAT4OID;
	ARR_DIMS(a)[0] = count;
	ARR_LBOUND(a)[0] = 1;
	return (float4 *) ARR_DATA_PTR(a);
}

/* ---- memory ---- */
PASE_PURE MemoryContext pase_current_context(void) { return CurrentMemoryContext; }
PASE_PURE MemoryContext pase_switch_context(MemoryContext c) { return MemoryContextSwitchTo(c); }
PASE_PURE int pase_maintenance_work_mem(void) { return maintenance_work_mem; }
PASE_PURE int pase_work_mem(void) { return work_mem; }
/* Bytes that a scan may take, as a hash table may. */
PASE_PURE double pase_scan_memory(void) { return hash_mem_multiplier * work_mem * 1024.0; }

PASE_PURE void pase_free(void *p) { pfree(p); }

/* ---- relations ---- */
PASE_PURE Oid pase_relation_id(Relation r) { return RelationGetRelid(r); }
PASE_PURE const char *pase_relation_name(Relation r) { return RelationGetRelationName(r); }
PASE_PURE bool pase_relation_needs_wal(Relation r) { return RelationNeedsWAL(r); }
PASE_PURE bool pase_relation_is_permanent(Relation r)
{
	return r->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT;
}
PASE_PURE void *pase_relation_options(Relation r) { return r->rd_options; }
PASE_PURE Oid pase_relation_key_type(Relation r) { return r->rd_opcintype[0]; }
PASE_PURE int pase_relation_key_typmod(Relation r)
{
	return TupleDescAttr(r->rd_att, 0)->atttypmod;
}
PASE_PURE BlockNumber pase_relation_target_block(Relation r) { return RelationGetTargetBlock(r); }
PASE_PURE void pase_relation_set_target_block(Relation r, BlockNumber b)
{
	RelationSetTargetBlock(r, b);
}

/* ---- item pointers ---- */
PASE_PURE uint64_t pase_tid_pack(const ItemPointerData *tid)
{
	return ((uint64_t) ItemPointerGetBlockNumberNoCheck(tid) << 16) |
		ItemPointerGetOffsetNumberNoCheck(tid);
}
PASE_PURE void pase_tid_unpack(uint64_t packed, ItemPointerData *tid)
{
	ItemPointerSet(tid, (BlockNumber) (packed >> 16), (OffsetNumber) (packed & 0xFFFF));
}

/* ---- pages ---- */
PASE_PURE Page pase_buffer_page(Buffer b) { return BufferGetPage(b); }
PASE_PURE BlockNumber pase_buffer_block(Buffer b) { return BufferGetBlockNumber(b); }
PASE_PURE bool pase_page_is_new(const char *p) { return PageIsNew((Page) p); }
PASE_PURE size_t pase_page_special_size(const char *p)
{
	return ((const PageHeaderData *) p)->pd_pagesize_version == 0 ? 0 :
		PageGetPageSize((Page) p) - ((const PageHeaderData *) p)->pd_special;
}
PASE_PURE char *pase_page_special(char *p) { return p + ((PageHeader) p)->pd_special; }
PASE_PURE size_t pase_page_free_space(const char *p) { return PageGetExactFreeSpace((Page) p); }
PASE_PURE int pase_page_item_count(const char *p)
{
	const PageHeaderData *header = (const PageHeaderData *) p;

	if (header->pd_lower <= SizeOfPageHeaderData || header->pd_lower > BLCKSZ)
		return 0;
	return (header->pd_lower - SizeOfPageHeaderData) / sizeof(ItemIdData);
}
/*
 * The item at an offset, or NULL where there is none: no such line pointer, an unused one, or one
 * whose bounds are not inside the page's item area (then *is_damaged is set).
 */
PASE_PURE char *pase_page_item(char *p, int offset, size_t *length, bool *is_damaged)
{
	PageHeader	header = (PageHeader) p;
	ItemId		item;
	size_t		start;
	size_t		size;

	*is_damaged = false;
	if (offset < FirstOffsetNumber || offset > pase_page_item_count(p))
		return NULL;
	item = &header->pd_linp[offset - 1];
	if (!ItemIdIsNormal(item))
	{
		*is_damaged = ItemIdIsDead(item) || ItemIdIsRedirected(item);
		return NULL;
	}
	start = ItemIdGetOffset(item);
	size = ItemIdGetLength(item);
	if (start != MAXALIGN(start) || start < header->pd_lower || header->pd_special > BLCKSZ ||
		start + size > header->pd_special)
	{
		*is_damaged = true;
		return NULL;
	}
	*length = size;
	return p + start;
}

/* ---- scans ---- */
PASE_PURE bool pase_scan_key_is_null(IndexScanDesc s)
{
	return (s->orderByData[0].sk_flags & SK_ISNULL) != 0;
}
PASE_PURE Datum pase_scan_key(IndexScanDesc s) { return s->orderByData[0].sk_argument; }
PASE_PURE int pase_scan_key_strategy(IndexScanDesc s) { return s->orderByData[0].sk_strategy; }
/* Whether the plan is that of a plain search of one table; see pase_path_mark_plain. */
#define PASE_PLAIN_STATEMENT OID_MAX
PASE_PURE bool pase_scan_is_plain(IndexScanDesc s)
{
	return s->orderByData[0].sk_collation == PASE_PLAIN_STATEMENT;
}
PASE_PURE void pase_scan_set_heap_tid(IndexScanDesc s, uint64_t tid)
{
	pase_tid_unpack(tid, &s->xs_heaptid);
}
PASE_PURE bool pase_scan_snapshot_is_mvcc(IndexScanDesc s)
{
	return s->xs_snapshot != NULL && IsMVCCSnapshot(s->xs_snapshot);
}

/* ---- insertions ---- */
/* True once per statement, which has one IndexInfo for all its rows. */
PASE_PURE bool pase_insert_is_first_of_its_kind(IndexInfo *info)
{
	static char mark;

	if (info == NULL)
		return true;
	if (info->ii_AmCache != NULL)
		return false;
	info->ii_AmCache = &mark;
	return true;
}

/* ---- interrupts and progress (a volatile flag and shared memory: no error) ---- */
PASE_PURE bool pase_interrupt_is_pending(void) { return INTERRUPTS_PENDING_CONDITION(); }
PASE_PURE void pase_progress(int index, int64_t value) { pgstat_progress_update_param(index, value); }

PASE_PURE double pase_cpu_tuple_cost(void) { return cpu_tuple_cost; }
PASE_PURE double pase_cpu_operator_cost(void) { return cpu_operator_cost; }

/* Since version 18 a disabled alternative loses even against an infinite cost. */
PASE_PURE void pase_path_rule_out(IndexPath *path)
{
#if PG_VERSION_NUM >= 180000
	path->path.disabled_nodes = 2;
#else
	(void) path;
#endif
}

/* ---- access methods ---- */
PASE_PURE void pase_set_parallel_options(IndexAmRoutine *routine)
{
	routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
#if PG_VERSION_NUM >= 170000
	routine->amcanbuildparallel = true;
#endif
}

/* ---- planner nodes ---- */
PASE_PURE int pase_list_length(const List *l) { return list_length(l); }
PASE_PURE void *pase_list_at(const List *l, int n) { return list_nth(l, n); }
PASE_PURE Oid pase_list_oid_at(const List *l, int n) { return list_nth_oid(l, n); }
PASE_PURE int pase_node_tag(const void *n) { return (int) nodeTag(n); }

/* ---- numbers ---- */
/* The shortest text that reads back as the same float4; at most FLOAT_SHORTEST_DECIMAL_LEN bytes. */
PASE_PURE int pase_format_float4(float value, char *text)
{
	return float_to_shortest_decimal_bufn(value, text);
}
PASE_PURE Datum pase_int64_datum(int64_t v) { return Int64GetDatum(v); }
PASE_PURE int64_t pase_datum_int64(Datum v) { return DatumGetInt64(v); }
PASE_PURE Datum pase_float8_datum(double v) { return Float8GetDatum(v); }
PASE_PURE uint64_t pase_random(void)
{
	return pg_prng_uint64(&pg_global_prng_state);
}

/* ---- text ---- */
PASE_PURE bool pase_database_is_utf8(void) { return GetDatabaseEncoding() == PG_UTF8; }
PASE_PURE size_t pase_string_length(const char *text) { return strlen(text); }
/* The bytes of the whole characters among the first `limit`; pg_encoding_mbcliplen() raises nothing. */
PASE_PURE int pase_clip_text(const char *text, int length, int limit)
{
	return pg_encoding_mbcliplen(GetDatabaseEncoding(), text, length, limit);
}

/* ---- messages ---- */
PASE_PURE const char *pase_message_data(StringInfo m) { return m->data + m->cursor; }
PASE_PURE int pase_message_length(StringInfo m) { return m->len - m->cursor; }
PASE_PURE void pase_message_consume(StringInfo m) { m->cursor = m->len; }

/* ---- the server's version ---- */
PASE_PURE int pase_server_version(void) { return PG_VERSION_NUM; }

#endif
