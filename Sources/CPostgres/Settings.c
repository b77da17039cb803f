/* See Settings.h. */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

int			pase_ef_search = 0;
int			pase_probes = 0;
int			pase_late_rows = PASE_LATE_ROWS_SKIP;
int			pase_max_scan_tuples = 0;

static const struct config_enum_entry late_rows_options[] = {
	{"skip", PASE_LATE_ROWS_SKIP, false},
	{"end", PASE_LATE_ROWS_END, false},
	{NULL, 0, false}
};

typedef struct
{
	int			maximum_ef_search;
	int			maximum_probes;
} SettingsArguments;

static void
pase_define_settings_thunk(void *p)
{
	SettingsArguments *a = p;

	DefineCustomIntVariable("pase.ef_search",
							"Sets the size of the candidate list (ef) of searches in pase_hnsw indexes.",
							"A query's own second field takes precedence. 0 means the index's option ef_search.",
							&pase_ef_search,
							0, 0, a->maximum_ef_search,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pase.probes",
							"Sets the share of the lists that searches in pase_ivfflat indexes probe, per mille.",
							"A query's own second field takes precedence. 0 means the default, 20.",
							&pase_probes,
							0, 0, a->maximum_probes,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("pase.late_rows",
							 "Sets what happens to rows that an index scan finds when farther ones have been answered.",
							 "\"skip\" leaves them out; \"end\" answers them after all others, so that distances are "
							 "not in order there.",
							 &pase_late_rows,
							 PASE_LATE_ROWS_SKIP, late_rows_options,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("pase.max_scan_tuples",
							"Sets the number of vectors or rows after which an index scan ends with what it has found.",
							"In pase_hnsw indexes it counts the vectors read after the first search, in pase_ivfflat indexes the "
							"rows answered. 0 means no limit.",
							&pase_max_scan_tuples,
							0, 0, INT_MAX,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
#ifdef PASE_TEST
	DefineCustomIntVariable("pase.fault_countdown",
							"Raises an error in the n-th server call that the extension makes from now on.",
							"For testing that errors do no harm. 0 is off.",
							&pase_fault_countdown,
							0, 0, INT_MAX,
							PGC_SUSET,
							GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL,
							NULL, NULL, NULL);
#endif
	pase_watch_options();
	/* Any other name with the prefix is a mistake, and is to be told as one. */
	MarkGUCPrefixReserved("pase");
}

bool
pase_define_settings(int maximum_ef_search, int maximum_probes)
{
	SettingsArguments a = {maximum_ef_search, maximum_probes};

	return GUARDED(pase_define_settings);
}
