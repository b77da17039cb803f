/*
 * The extension's own settings (GUCs). They belong to the session; a scan reads them when it begins.
 */
#ifndef PASE_SETTINGS_H
#define PASE_SETTINGS_H

#include "Server.h"

/* Candidates of a search whose query does not say; 0: what the index says. */
extern int	pase_ef_search;
/* Share of the lists that a search probes whose query does not say, per mille; 0: the default. */
extern int	pase_probes;

/* What becomes of rows that a scan finds when farther ones have been answered. */
typedef enum PaseLateRows
{
	PASE_LATE_ROWS_SKIP,
	PASE_LATE_ROWS_END
} PaseLateRows;

extern int	pase_late_rows;
/* Vectors that a scan reads after its first search; 0: no limit. */
extern int	pase_max_scan_tuples;

static inline bool pase_answers_late_rows(void) { return pase_late_rows == PASE_LATE_ROWS_END; }
static inline int pase_scan_tuples_limit(void) { return pase_max_scan_tuples; }
static inline int pase_setting_ef_search(void) { return pase_ef_search; }
static inline int pase_setting_probes(void) { return pase_probes; }

/*
 * Makes the settings known to the server and reserves their prefix. Once per session: a second time is
 * an error. The arguments are the largest values.
 */
extern bool pase_define_settings(int maximum_ef_search, int maximum_probes);

#endif
