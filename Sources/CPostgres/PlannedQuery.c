/*
 * The metric and the effort of a query that is not known yet, from the expression that will make it: whatever the vector
 * is, `pase(vector, 100, 2)` is of metric 2. Values are followed to where they come from: subqueries, common table
 * expressions, lists of values, and outer queries.
 */
#include "CPostgres.h"

#include "PlannedQuery.h"
#include "parser/parsetree.h"

/* Rows of VALUES that are looked at. */
#define VALUES_LIMIT 100

extern Datum pase_from_array(PG_FUNCTION_ARGS);
extern Datum pase_from_text(PG_FUNCTION_ARGS);
extern Datum pase_cast_array(PG_FUNCTION_ARGS);

/* What has been found out so far; several expressions have to agree. */
typedef struct
{
	bool		is_known;
	int			metric;
	int			effort;
} Found;

static void follow(PlannerInfo *root, Query *query, Node *node, Found *found);

static void
note(Found *found, int metric, int effort)
{
	if (!found->is_known)
	{
		found->is_known = true;
		found->metric = metric;
		found->effort = effort;
		return;
	}
	if (found->metric != metric)
		found->metric = -1;
	if (found->effort != effort)
		found->effort = -1;
}

static int
constant_int(Node *node)
{
	Const	   *constant = (Const *) node;

	if (!IsA(node, Const) || constant->consttype != INT4OID || constant->constisnull)
		return -1;
	return DatumGetInt32(constant->constvalue);
}

/* A value of the type: see QueryValue.swift. */
static void
follow_constant(Const *constant, Found *found)
{
	struct varlena *value;
	int32		fields[2];

	/* A query that is NULL has no metric, and answers to any. */
	if (constant->constisnull)
		return;
	value = PG_DETOAST_DATUM(constant->constvalue);
	if (VARSIZE(value) < VARHDRSZ + sizeof(fields))
	{
		note(found, -1, -1);
		return;
	}
	memcpy(fields, VARDATA(value), sizeof(fields));
	note(found, fields[1], fields[0]);
}

static void
follow_function(FuncExpr *call, Found *found)
{
	FmgrInfo	function;
	int			metric = -1;
	int			effort = -1;

	fmgr_info(call->funcid, &function);
	if (function.fn_addr == pase_cast_array)
		metric = effort = 0;
	else if ((function.fn_addr == pase_from_array || function.fn_addr == pase_from_text) &&
			 list_length(call->args) == 3)
	{
		effort = constant_int(lsecond(call->args));
		metric = constant_int(lthird(call->args));
	}
	note(found, metric, effort);
}

/* The n-th column that a query gives, from 1. */
static void
follow_column(PlannerInfo *root, Query *query, int n, Found *found)
{
	TargetEntry *entry;
	Node	   *node;

	if (query == NULL || query->commandType != CMD_SELECT || query->setOperations != NULL ||
		(entry = get_tle_by_resno(query->targetList, n)) == NULL)
	{
		note(found, -1, -1);
		return;
	}
	node = (Node *) entry->expr;
	/* What has not been planned yet is as the parser made it, without the defaults of functions. */
	if (root == NULL)
		node = eval_const_expressions(NULL, copyObject(node));
	follow(root, query, node, found);
}

static Query *
find_common_table(PlannerInfo *root, RangeTblEntry *entry)
{
	ListCell   *cell;

	for (Index level = entry->ctelevelsup; root != NULL && level > 0; level--)
		root = root->parent_root;
	if (root == NULL || entry->self_reference)
		return NULL;
	foreach(cell, root->parse->cteList)
	{
		CommonTableExpr *table = lfirst(cell);

		if (strcmp(table->ctename, entry->ctename) == 0)
			return table->cterecursive ? NULL : castNode(Query, table->ctequery);
	}
	return NULL;
}

static void
follow_variable(PlannerInfo *root, Query *query, Var *variable, Found *found)
{
	RangeTblEntry *entry;
	ListCell   *cell;
	int			row = 0;

	if (variable->varlevelsup == 0 && variable->varattno > 0 && variable->varno > 0 &&
		variable->varno <= list_length(query->rtable))
	{
		entry = rt_fetch(variable->varno, query->rtable);
		switch (entry->rtekind)
		{
			case RTE_SUBQUERY:
				follow_column(NULL, entry->subquery, variable->varattno, found);
				return;
			case RTE_CTE:
				follow_column(NULL, find_common_table(root, entry), variable->varattno, found);
				return;
			case RTE_VALUES:
				if (list_length(entry->values_lists) > VALUES_LIMIT)
					break;
				foreach(cell, entry->values_lists)
				{
					Node	   *value = list_nth(lfirst(cell), variable->varattno - 1);

					if (root == NULL)
						value = eval_const_expressions(NULL, copyObject(value));
					follow(root, query, value, found);
					row++;
				}
				if (row > 0)
					return;
				break;
			default:
				break;
		}
	}
	note(found, -1, -1);
}

/* A parameter that the plan itself sets: the value of a subquery, or a column of an outer query. */
static void
follow_parameter(PlannerInfo *root, Param *parameter, Found *found)
{
	ListCell   *cell;
	ListCell   *set;

	for (; parameter->paramkind == PARAM_EXEC && root != NULL; root = root->parent_root)
	{
		foreach(cell, root->init_plans)
		{
			SubPlan    *plan = lfirst(cell);

			foreach(set, plan->setParam)
			{
				if (lfirst_int(set) == parameter->paramid && plan->subLinkType == EXPR_SUBLINK)
				{
					PlannerInfo *planned = list_nth(root->glob->subroots, plan->plan_id - 1);

					follow_column(planned, planned->parse, 1, found);
					return;
				}
			}
		}
		foreach(cell, root->plan_params)
		{
			PlannerParamItem *item = lfirst(cell);

			if (item->paramId == parameter->paramid)
			{
				follow(root, root->parse, item->item, found);
				return;
			}
		}
	}
	note(found, -1, -1);
}

/* With a root, the query is its own, and planned; without one it is as the parser made it. */
static void
follow(PlannerInfo *root, Query *query, Node *node, Found *found)
{
	ListCell   *cell;

	check_stack_depth();
	if (node == NULL)
		return;
	switch (nodeTag(node))
	{
		case T_Const:
			follow_constant((Const *) node, found);
			break;
		case T_FuncExpr:
			follow_function((FuncExpr *) node, found);
			break;
		case T_Var:
			follow_variable(root, query, (Var *) node, found);
			break;
		case T_Param:
			follow_parameter(root, (Param *) node, found);
			break;
		case T_RelabelType:
			follow(root, query, (Node *) ((RelabelType *) node)->arg, found);
			break;
		case T_CoerceToDomain:
			follow(root, query, (Node *) ((CoerceToDomain *) node)->arg, found);
			break;
		case T_PlaceHolderVar:
			follow(root, query, (Node *) ((PlaceHolderVar *) node)->phexpr, found);
			break;
		case T_CaseExpr:
			foreach(cell, ((CaseExpr *) node)->args)
				follow(root, query, (Node *) ((CaseWhen *) lfirst(cell))->result, found);
			follow(root, query, (Node *) ((CaseExpr *) node)->defresult, found);
			break;
		case T_CoalesceExpr:
			foreach(cell, ((CoalesceExpr *) node)->args)
				follow(root, query, lfirst(cell), found);
			break;
		default:
			note(found, -1, -1);
	}
}

void
pase_planned_query(PlannerInfo *root, Node *expression, int *metric, int *effort)
{
	Found		found = {false, -1, -1};

	follow(root, root->parse, expression, &found);
	*metric = found.metric;
	*effort = found.effort;
}
