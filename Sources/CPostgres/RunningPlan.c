/* What the running statement's plan says of an index scan: how many rows it wants, and on what conditions. See Calls.h. */
#include "CPostgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

/* The statement that the executor runs, the innermost if a function runs one of its own; NULL when unknown. */
static QueryDesc *running = NULL;
/* How many rows its run asks for, 0: all. */
static uint64 running_count = 0;
static ExecutorRun_hook_type previous_hook = NULL;

#if PG_VERSION_NUM >= 180000
#define RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count
#define RUN_ARGUMENTS query, direction, count
#else
#define RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define RUN_ARGUMENTS query, direction, count, execute_once
#endif

static void
run_and_note(RUN_PARAMETERS)
{
	QueryDesc  *outer = running;
	uint64		outer_count = running_count;

	running = query;
	running_count = count;
	PG_TRY();
	{
		if (previous_hook != NULL)
			previous_hook(RUN_ARGUMENTS);
		else
			standard_ExecutorRun(RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		running = outer;
		running_count = outer_count;
	}
	PG_END_TRY();
}

void
pase_note_running_statements(void)
{
	previous_hook = ExecutorRun_hook;
	ExecutorRun_hook = run_and_note;
}

bool
pase_must_not_reorder(void)
{
#if PG_VERSION_NUM >= 180000
	return running != NULL && running->plannedstmt->rowMarks != NIL;
#else
	return false;
#endif
}

typedef struct
{
	IndexScanDesc scan;
	/* What the nodes above ask for, below 0 if they may stop anywhere. */
	double		wanted;
	/* The node of the scan, NULL if it is not in the plan. */
	IndexScanState *node;
	double		result;
} WantedArguments;

/* An incremental sort reads so many rows before it answers one. */
#define SORTED_AT_ONCE 32
/* A condition whose share of the rows is not known. */
#define UNKNOWN_SHARE (1.0 / 3)

/* Rows that have to be read for so many that meet the node's condition, as the planner estimated it. */
static double
before_condition(IndexScanState *node, double wanted)
{
	double		rows = node->ss.ss_currentRelation->rd_rel->reltuples;
	double		share = UNKNOWN_SHARE;

	if (node->ss.ps.qual == NULL || wanted < 0)
		return wanted;
	if (rows >= 1 && isfinite(rows))
		share = node->ss.ps.plan->plan_rows / rows;
	/* Half as many again, since what matches may be farther away than what does not. */
	return 1.5 * wanted / (share > 1e-9 ? Min(share, 1) : 1e-9);
}

static bool
find_scan(PlanState *node, void *p)
{
	WantedArguments *a = p;
	double		wanted = a->wanted;
	bool		found;

	if (IsA(node, IndexScanState) && ((IndexScanState *) node)->iss_ScanDesc == a->scan)
	{
		a->node = (IndexScanState *) node;
		a->result = before_condition((IndexScanState *) node, wanted);
		return true;
	}
	switch (nodeTag(node))
	{
		case T_LimitState:
			{
				LimitState *limit = (LimitState *) node;

				if (!limit->noCount && (wanted < 0 || limit->count < wanted))
					wanted = limit->count;
				if (wanted >= 0)
					wanted += limit->offset;
				break;
			}
		case T_IncrementalSortState:
			if (wanted >= 0)
				wanted += SORTED_AT_ONCE;
			break;
		case T_LockRowsState:
		case T_MergeAppendState:
			break;
		case T_ResultState:
		case T_SubqueryScanState:
			if (node->qual != NULL)
				wanted = -1;
			break;
		case T_AggState:
			/* All rows come before the first group, unless they come group by group. */
			wanted = ((AggState *) node)->aggstrategy == AGG_SORTED ? -1 : INFINITY;
			break;
		case T_SortState:
		case T_HashState:
			wanted = INFINITY;
			break;
		default:
			wanted = -1;
	}
	{
		double		outer = a->wanted;

		a->wanted = wanted;
		found = planstate_tree_walker(node, find_scan, p);
		a->wanted = outer;
	}
	return found;
}

static void
pase_scan_rows_wanted_thunk(void *p)
{
	WantedArguments *a = p;

	/* A cursor, which asks for some rows at a time, may stop after any of them. */
	a->wanted = running_count == 0 ? INFINITY : -1;
	if (running != NULL && running->planstate != NULL)
		find_scan(running->planstate, a);
}

bool
pase_scan_rows_wanted(IndexScanDesc scan, bool *found, double *rows, bool *conditional)
{
	WantedArguments a = {.scan = scan};

	if (!GUARDED(pase_scan_rows_wanted))
		return false;
	*found = a.node != NULL;
	*rows = a.result;
	*conditional = a.node != NULL && a.node->ss.ps.qual != NULL;
	return true;
}

typedef struct
{
	EState	   *state;
	/* Whether there is something that has no value yet, or only where it stands. */
	bool		unknown;
} BindContext;

/* The value of a parameter; false if it is not known. */
static bool
find_value(Param *param, EState *state, Datum *value, bool *is_null)
{
	ParamListInfo list = state->es_param_list_info;

	if (param->paramkind == PARAM_EXEC)
	{
		ParamExecData *exec = &state->es_param_exec_vals[param->paramid];

		/* An initial plan that has not run yet. */
		if (exec->execPlan != NULL)
			return false;
		*value = exec->value;
		*is_null = exec->isnull;
		return true;
	}
	if (param->paramkind == PARAM_EXTERN && list != NULL && param->paramid > 0 &&
		param->paramid <= list->numParams)
	{
		ParamExternData room;
		ParamExternData *given = list->paramFetch != NULL
			? list->paramFetch(list, param->paramid, false, &room)
			: &list->params[param->paramid - 1];

		*value = given->value;
		*is_null = given->isnull;
		return given->ptype == param->paramtype;
	}
	return false;
}

static Node *
bind_parameters(Node *node, void *p)
{
	BindContext *context = p;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param))
	{
		Param	   *param = (Param *) node;
		Datum		value;
		bool		is_null;
		int16		length;
		bool		by_value;

		if (!find_value(param, context->state, &value, &is_null))
		{
			context->unknown = true;
			return node;
		}
		get_typlenbyval(param->paramtype, &length, &by_value);
		if (!is_null)
			value = datumCopy(value, by_value, length);
		return (Node *) makeConst(param->paramtype, param->paramtypmod, param->paramcollid, length,
								  value, is_null, by_value);
	}
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, CurrentOfExpr))
	{
		context->unknown = true;
		return node;
	}
	return expression_tree_mutator(node, bind_parameters, p);
}

List *
pase_scan_conditions(IndexScanDesc scan)
{
	WantedArguments a = {.scan = scan,.wanted = -1};
	BindContext context;
	List	   *conditions;

	if (running == NULL || running->planstate == NULL)
		return NIL;
	find_scan(running->planstate, &a);
	if (a.node == NULL || a.node->ss.ps.plan->qual == NIL)
		return NIL;
	conditions = a.node->ss.ps.plan->qual;
	/* The executor asks them once more, so their answers must not change. */
	if (contain_volatile_functions((Node *) conditions))
		return NIL;
	context.state = a.node->ss.ps.state;
	context.unknown = false;
	conditions = (List *) bind_parameters((Node *) conditions, &context);
	return context.unknown ? NIL : conditions;
}
