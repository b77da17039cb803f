/*
 * The way in: every function that the server calls, as a C frame around its Swift body. When the
 * body has returned no Swift frame is left, and an error that it noted is raised from here.
 *
 * A Swift body is an @_cdecl function of the same name with `_body` behind it.
 */
#include "CPostgres.h"

/* Before version 16 the server's macros leave it to us to make the entry points visible. */
#pragma GCC visibility push(default)

#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(.name = "pase",.version = "1.0");
#else
PG_MODULE_MAGIC;
#endif

/* ---- functions of SQL ---- */

#define SQL_FUNCTION(name) \
	extern Datum name##_body(FunctionCallInfo call); \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		Datum		result = name##_body(fcinfo); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern Datum name##_body(FunctionCallInfo call)

SQL_FUNCTION(pase_in);
SQL_FUNCTION(pase_out);
SQL_FUNCTION(pase_recv);
SQL_FUNCTION(pase_send);
SQL_FUNCTION(pase_from_array);
SQL_FUNCTION(pase_from_text);
SQL_FUNCTION(pase_cast_array);
SQL_FUNCTION(pase_distance);
SQL_FUNCTION(pase_distance_base64);
SQL_FUNCTION(pase_euclidean_distance);
SQL_FUNCTION(pase_cosine_distance);
SQL_FUNCTION(pase_class_squared_euclidean);
SQL_FUNCTION(pase_class_inner_product);
SQL_FUNCTION(pase_class_cosine);
SQL_FUNCTION(pase_hnsw_handler);
SQL_FUNCTION(pase_ivfflat_handler);
SQL_FUNCTION(pase_hnsw_build_memory);
SQL_FUNCTION(pase_inner_product);
SQL_FUNCTION(pase_negative_inner_product);
SQL_FUNCTION(pase_l1_distance);
SQL_FUNCTION(pase_l2_normalize);
SQL_FUNCTION(pase_vector_dims);
SQL_FUNCTION(pase_vector_norm);
SQL_FUNCTION(pase_vector_accumulate);
SQL_FUNCTION(pase_vector_combine);
SQL_FUNCTION(pase_vector_serialize);
SQL_FUNCTION(pase_vector_deserialize);
SQL_FUNCTION(pase_vector_total);
SQL_FUNCTION(pase_vector_average);
SQL_FUNCTION(pase_check);

/*
 * What the original's catalogue calls them. It comes here by pg_upgrade, which looks for these names before anybody
 * could update the extension.
 */
#define ORIGINAL_NAME(original, name) \
	extern Datum original(PG_FUNCTION_ARGS) __attribute__((alias(#name))); \
	PG_FUNCTION_INFO_V1(original)

ORIGINAL_NAME(pase_f4_i_i, pase_from_array);
ORIGINAL_NAME(pase_text_i_i, pase_from_text);
ORIGINAL_NAME(g_pase_distance, pase_distance);
ORIGINAL_NAME(g_pase_distance_3, pase_distance_base64);
ORIGINAL_NAME(pase_hnsw, pase_hnsw_handler);
ORIGINAL_NAME(pase_ivfflat, pase_ivfflat_handler);

#pragma GCC visibility pop

/* ---- access-method callbacks ---- */

#define ACCESS_METHOD(am) \
	extern IndexBuildResult *am##_build_body(Relation heap, Relation index, IndexInfo *info); \
	IndexBuildResult * \
	am##_build(Relation heap, Relation index, IndexInfo *info) \
	{ \
		IndexBuildResult *result = am##_build_body(heap, index, info); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern void am##_build_empty_body(Relation index); \
	void \
	am##_build_empty(Relation index) \
	{ \
		am##_build_empty_body(index); \
		pase_raise_if_failed(); \
	} \
	extern bool am##_insert_body(Relation index, Datum *values, bool *nulls, ItemPointer tid, \
								 Relation heap, IndexInfo *info); \
	bool \
	am##_insert(Relation index, Datum *values, bool *nulls, ItemPointer tid, Relation heap, \
				IndexUniqueCheck unique, bool unchanged, IndexInfo *info) \
	{ \
		bool		result = am##_insert_body(index, values, nulls, tid, heap, info); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern IndexBulkDeleteResult *am##_bulk_delete_body(IndexVacuumInfo *info, \
														IndexBulkDeleteResult *stats, \
														IndexBulkDeleteCallback callback, \
														void *state); \
	IndexBulkDeleteResult * \
	am##_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, \
					 IndexBulkDeleteCallback callback, void *state) \
	{ \
		IndexBulkDeleteResult *result = am##_bulk_delete_body(info, stats, callback, state); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern IndexBulkDeleteResult *am##_vacuum_cleanup_body(IndexVacuumInfo *info, \
														   IndexBulkDeleteResult *stats); \
	IndexBulkDeleteResult * \
	am##_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) \
	{ \
		IndexBulkDeleteResult *result = am##_vacuum_cleanup_body(info, stats); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern void am##_cost_estimate_body(PlannerInfo *root, IndexPath *path, double loop_count, \
										Cost *startup, Cost *total, Selectivity *selectivity, \
										double *correlation, double *pages); \
	void \
	am##_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, \
					   Cost *total, Selectivity *selectivity, double *correlation, double *pages) \
	{ \
		am##_cost_estimate_body(root, path, loop_count, startup, total, selectivity, \
								correlation, pages); \
		pase_raise_if_failed(); \
	} \
	extern bytea *am##_options_body(Datum options, bool validate); \
	bytea * \
	am##_options(Datum options, bool validate) \
	{ \
		bytea	   *result = am##_options_body(options, validate); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern bool am##_property_body(Oid index, int attribute, IndexAMProperty property, \
								   bool *result, bool *is_null); \
	bool \
	am##_property(Oid index, int attribute, IndexAMProperty property, const char *name, \
				  bool *result, bool *is_null) \
	{ \
		bool		known = am##_property_body(index, attribute, property, result, is_null); \
		\
		pase_raise_if_failed(); \
		return known; \
	} \
	extern const char *am##_build_phase_name_body(int64_t phase); \
	char * \
	am##_build_phase_name(int64_t phase) \
	{ \
		/* The server copies the name; its signature is older than its use of const. */ \
		return unconstify(char *, am##_build_phase_name_body(phase)); \
	} \
	extern bool am##_validate_body(Oid class); \
	bool \
	am##_validate(Oid class) \
	{ \
		bool		result = am##_validate_body(class); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern IndexScanDesc am##_begin_scan_body(Relation index, int keys, int order_bys); \
	IndexScanDesc \
	am##_begin_scan(Relation index, int keys, int order_bys) \
	{ \
		IndexScanDesc result = am##_begin_scan_body(index, keys, order_bys); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern void am##_rescan_body(IndexScanDesc scan); \
	void \
	am##_rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey order_bys, \
				int order_by_count) \
	{ \
		if (keys != NULL && scan->numberOfKeys > 0) \
			memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData)); \
		if (order_bys != NULL && scan->numberOfOrderBys > 0) \
			memmove(scan->orderByData, order_bys, scan->numberOfOrderBys * sizeof(ScanKeyData)); \
		am##_rescan_body(scan); \
		pase_raise_if_failed(); \
	} \
	extern bool am##_get_tuple_body(IndexScanDesc scan, ScanDirection direction); \
	bool \
	am##_get_tuple(IndexScanDesc scan, ScanDirection direction) \
	{ \
		bool		result = am##_get_tuple_body(scan, direction); \
		\
		pase_raise_if_failed(); \
		return result; \
	} \
	extern void am##_end_scan_body(IndexScanDesc scan); \
	void \
	am##_end_scan(IndexScanDesc scan) \
	{ \
		am##_end_scan_body(scan); \
		pase_raise_if_failed(); \
	} \
	void \
	am##_fill_routine(IndexAmRoutine *routine) \
	{ \
		routine->ambuild = am##_build; \
		routine->ambuildempty = am##_build_empty; \
		routine->aminsert = am##_insert; \
		routine->ambulkdelete = am##_bulk_delete; \
		routine->amvacuumcleanup = am##_vacuum_cleanup; \
		routine->amcostestimate = am##_cost_estimate; \
		routine->amoptions = am##_options; \
		routine->amproperty = am##_property; \
		routine->ambuildphasename = am##_build_phase_name; \
		routine->amvalidate = am##_validate; \
		routine->ambeginscan = am##_begin_scan; \
		routine->amrescan = am##_rescan; \
		routine->amgettuple = am##_get_tuple; \
		routine->amendscan = am##_end_scan; \
	} \
	extern void am##_fill_routine(IndexAmRoutine *routine)

ACCESS_METHOD(pase_hnsw);
ACCESS_METHOD(pase_ivfflat);

/* ---- loading ---- */

extern void pase_load_body(void);
extern __attribute__((visibility("default"))) void _PG_init(void);

void
_PG_init(void)
{
	pase_load_body();
	pase_raise_if_failed();
	/* Last: should anything before it fail the library is loaded again, and this bears no repetition. */
	pase_note_running_statements();
}
