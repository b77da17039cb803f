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
							"Candidates of a search in a pase_hnsw index whose query does not say how many.",
							"0: as many as the index's option ef_search says.",
							&pase_ef_search,
							0, 0, a->maximum_ef_search,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pase.probes",
							"Share of the lists that a search in a pase_ivfflat index probes whose query does not say, per mille.",
							"0: the default, 20.",
							&pase_probes,
							0, 0, a->maximum_probes,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("pase.late_rows",
							 "Sets what becomes of rows that an index scan finds when farther ones have been answered.",
							 "\"skip\" leaves them out; \"end\" answers them after all others, so that distances are "
							 "not in order there.",
							 &pase_late_rows,
							 PASE_LATE_ROWS_SKIP, late_rows_options,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("pase.max_scan_tuples",
							"Sets how many vectors of a pase_hnsw index a scan reads before it answers what it has and ends.",
							"The first search of a scan is not limited. 0 is no limit: a scan answers all rows that are asked for.",
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
