/* What the planner knows of a path over an index: its query, its statement, its costs. See Calls.h. */
#include "CPostgres.h"

#include "PlannedQuery.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

extern void pase_hnsw_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count,
									Cost *startup, Cost *total, Selectivity *selectivity,
									double *correlation, double *pages);
extern void pase_ivfflat_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count,
									   Cost *startup, Cost *total, Selectivity *selectivity,
									   double *correlation, double *pages);

/* ---- what a path orders by ---- */

typedef struct
{
	PlannerInfo *root;
	IndexPath  *path;
	PaseOrderBy order_by;
} OrderByArguments;

/*
 * Whether nothing in the statement but its LIMIT can see in which order the rows come: one table, without children, ORDER
 * BY one expression, LIMIT, and nothing else above the scan or around it.
 */
static bool
statement_is_plain(PlannerInfo *root, IndexPath *path)
{
	Query	   *query = root->parse;
	RangeTblEntry *entry;

	if (root->parent_root != NULL || query->commandType != CMD_SELECT ||
		list_length(query->rtable) != 1 || path->path.parent->reloptkind != RELOPT_BASEREL)
		return false;
	entry = linitial(query->rtable);
	if (entry->rtekind != RTE_RELATION || entry->inh)
		return false;
	if (query->limitCount == NULL || query->limitOption != LIMIT_OPTION_COUNT ||
		(IsA(query->limitCount, Const) && ((Const *) query->limitCount)->constisnull))
		return false;
	return list_length(query->sortClause) == 1 && query->groupClause == NIL &&
		query->groupingSets == NIL && query->havingQual == NULL && !query->hasAggs &&
		!query->hasWindowFuncs && !query->hasTargetSRFs && query->distinctClause == NIL &&
		query->setOperations == NULL && query->cteList == NIL && query->rowMarks == NIL;
}

/* The metrics of all indexes of the column, or expression, that the planner might take; a bit for each. */
static uint32
metrics_of_column(IndexOptInfo *index)
{
	uint32		result = 0;
	ListCell   *cell;

	foreach(cell, index->rel->indexlist)
	{
		IndexOptInfo *other = lfirst(cell);
		Oid			function;
		int32		metric;

		if ((other->amcostestimate != pase_hnsw_cost_estimate &&
			 other->amcostestimate != pase_ivfflat_cost_estimate) ||
			other->indexkeys[0] != index->indexkeys[0] ||
			(other->indexkeys[0] == 0 &&
			 !equal(linitial(other->indexprs), linitial(index->indexprs))) ||
			(other->indpred != NIL && !other->predOK))
			continue;
		function = get_opfamily_proc(other->opfamily[0], other->opcintype[0], other->opcintype[0], 1);
		if (!OidIsValid(function))
			continue;
		metric = DatumGetInt32(OidFunctionCall0(function));
		if (metric >= 0 && metric < 32)
			result |= (uint32) 1 << metric;
	}
	return result;
}

static void
pase_path_order_by_thunk(void *p)
{
	OrderByArguments *a = p;
	IndexOptInfo *index = a->path->indexinfo;
	PaseOrderBy *order_by = &a->order_by;
	OpExpr	   *clause;
	Oid			left_type;
	Oid			right_type;
	Node	   *value;

	order_by->count = list_length(a->path->indexorderbys);
	if (order_by->count != 1)
		return;
	clause = linitial(a->path->indexorderbys);
	if (!is_opclause(clause) || list_length(clause->args) != 2)
		return;
	get_op_opfamily_properties(clause->opno, index->opfamily[0], true, &order_by->strategy,
							   &left_type, &right_type);
	order_by->is_plain = statement_is_plain(a->root, a->path);
	order_by->has_conditions = index->rel->baserestrictinfo != NIL || a->path->path.param_info != NULL;
	order_by->metrics_of_column = metrics_of_column(index);
	value = estimate_expression_value(a->root, lsecond(clause->args));
	if (IsA(value, Const))
	{
		order_by->is_constant = true;
		order_by->is_null = ((Const *) value)->constisnull;
		order_by->value = ((Const *) value)->constvalue;
	}
	order_by->metric = -1;
	order_by->effort = -1;
	if (order_by->strategy <= 2)
		pase_planned_query(a->root, value, &order_by->metric, &order_by->effort);
}

bool
pase_path_order_by(PlannerInfo *root, IndexPath *path, PaseOrderBy *result)
{
	OrderByArguments a = {.root = root,.path = path};

	if (!GUARDED(pase_path_order_by))
		return false;
	*result = a.order_by;
	return true;
}

static void
pase_path_mark_plain_thunk(void *p)
{
	OrderByArguments *a = p;
	OpExpr	   *marked = makeNode(OpExpr);

	*marked = *linitial_node(OpExpr, a->path->indexorderbys);
	marked->inputcollid = PASE_PLAIN_STATEMENT;
	a->path->indexorderbys = list_make1(marked);
}

bool
pase_path_mark_plain(IndexPath *path)
{
	OrderByArguments a = {.path = path};

	return GUARDED(pase_path_mark_plain);
}

/* ---- costs ---- */

typedef struct
{
	PlannerInfo *root;
	IndexPath  *path;
	double		loop_count;
	PaseCosts	costs;
} CostArguments;

/* Rows that the statement's LIMIT has it read from its only table; 0 if that is not known, -1 for all rows. */
static double
limit_of_scan(PlannerInfo *root, RelOptInfo *table)
{
	Query	   *query = root->parse;

	if (bms_membership(root->all_baserels) != BMS_SINGLETON || table->reloptkind != RELOPT_BASEREL)
		return -1;
	if (root->limit_tuples > 0)
		return root->limit_tuples;
	if (query->limitCount == NULL || query->groupClause != NIL || query->groupingSets != NIL ||
		query->distinctClause != NIL || query->hasAggs || query->hasWindowFuncs ||
		query->hasTargetSRFs || query->havingQual != NULL)
		return -1;
	if (IsA(estimate_expression_value(root, query->limitCount), Const) &&
		(query->limitOffset == NULL ||
		 IsA(estimate_expression_value(root, query->limitOffset), Const)))
		return -1;
	return 0;
}

static void
pase_path_costs_thunk(void *p)
{
	CostArguments *a = p;
	PaseCosts  *result = &a->costs;
	IndexOptInfo *index = a->path->indexinfo;
	RelOptInfo *table = index->rel;
	GenericCosts costs;

	MemSet(&costs, 0, sizeof(costs));
	costs.numIndexTuples = index->tuples;
	genericcostestimate(a->root, a->path, a->loop_count, &costs);
	result->selectivity = costs.indexSelectivity;
	result->index_tuples = index->tuples;
	result->index_pages = index->pages;
	result->table_pages = table->pages;
	result->table_tuples = table->tuples;
	result->rows = a->path->path.rows;
	result->limit = limit_of_scan(a->root, table);
	result->condition_cost = table->baserestrictcost.per_tuple;
	get_tablespace_page_costs(index->reltablespace, &result->random_page_cost, NULL);
	get_tablespace_page_costs(table->reltablespace, NULL, &result->sequential_page_cost);
}

bool
pase_path_costs(PlannerInfo *root, IndexPath *path, double loop_count, PaseCosts *result)
{
	CostArguments a = {.root = root,.path = path,.loop_count = loop_count};

	if (!GUARDED(pase_path_costs))
		return false;
	*result = a.costs;
	return true;
}
