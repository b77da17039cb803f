/*
 * What can be told of a query before it is known.
 */
#ifndef PASE_PLANNED_QUERY_H
#define PASE_PLANNED_QUERY_H

#include "Server.h"

/*
 * Metric and effort of an expression of type pase, each -1 where they cannot be told; an effort of 0 is one that the
 * query leaves open. May raise.
 */
extern void pase_planned_query(PlannerInfo *root, Node *expression, int *metric, int *effort);

#endif
