/* Relations, operator classes and reloptions. See Calls.h. */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

typedef struct
{
	Oid			id;
	int			mode;
	Relation	relation;
	int			number;
	int32		result;
} IndexArguments;

static void
pase_index_open_thunk(void *p)
{
	IndexArguments *a = p;

	a->relation = index_open(a->id, a->mode);
}

bool
pase_index_open(Oid id, int mode, Relation *result)
{
	IndexArguments a = {id, mode, NULL, 0, 0};

	if (!GUARDED(pase_index_open))
		return false;
	*result = a.relation;
	return true;
}

static void
pase_index_close_thunk(void *p)
{
	IndexArguments *a = p;

	index_close(a->relation, a->mode);
}

bool
pase_index_close(Relation index, int mode)
{
	IndexArguments a = {InvalidOid, mode, index, 0, 0};

	return GUARDED(pase_index_close);
}

static void
pase_index_support_int32_thunk(void *p)
{
	IndexArguments *a = p;

	a->result = DatumGetInt32(FunctionCall0Coll(index_getprocinfo(a->relation, 1, a->number),
												InvalidOid));
}

bool
pase_index_support_int32(Relation index, int number, int32 *result)
{
	IndexArguments a = {InvalidOid, 0, index, number, 0};

	if (!GUARDED(pase_index_support_int32))
		return false;
	*result = a.result;
	return true;
}

/* ---- operator classes, for amvalidate ---- */

typedef struct
{
	Oid			id;
	PaseOperatorClass class;
	PaseOperatorMember *operators;
	PaseFunctionMember *functions;
	int			count;
	Oid			result_type;
	bool		fits;
} ClassArguments;

static void
pase_operator_class_thunk(void *p)
{
	ClassArguments *a = p;
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(a->id));
	Form_pg_opclass class;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", a->id);
	class = (Form_pg_opclass) GETSTRUCT(tuple);
	a->class.name = pstrdup(NameStr(class->opcname));
	a->class.family = class->opcfamily;
	a->class.input_type = class->opcintype;
	a->class.key_type = class->opckeytype;
	ReleaseSysCache(tuple);

	tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(a->class.family));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator family %u", a->class.family);
	a->class.family_name = pstrdup(NameStr(((Form_pg_opfamily) GETSTRUCT(tuple))->opfname));
	ReleaseSysCache(tuple);
}

bool
pase_operator_class(Oid id, PaseOperatorClass *result)
{
	ClassArguments a = {.id = id};

	if (!GUARDED(pase_operator_class))
		return false;
	*result = a.class;
	return true;
}

static void
pase_operator_members_thunk(void *p)
{
	ClassArguments *a = p;
	CatCList   *list = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(a->id));

	a->operators = palloc0(sizeof(PaseOperatorMember) * Max(list->n_members, 1));
	for (a->count = 0; a->count < list->n_members; a->count++)
	{
		Form_pg_amop form = (Form_pg_amop) GETSTRUCT(&list->members[a->count]->tuple);
		PaseOperatorMember *member = &a->operators[a->count];

		member->strategy = form->amopstrategy;
		member->left_type = form->amoplefttype;
		member->right_type = form->amoprighttype;
		member->operator_id = form->amopopr;
		member->purpose = form->amoppurpose;
		member->sort_family = form->amopsortfamily;
		member->result_type = get_op_rettype(form->amopopr);
	}
	ReleaseCatCacheList(list);
}

bool
pase_operator_members(Oid family, PaseOperatorMember **result, int *count)
{
	ClassArguments a = {.id = family};

	if (!GUARDED(pase_operator_members))
		return false;
	*result = a.operators;
	*count = a.count;
	return true;
}

static void
pase_function_members_thunk(void *p)
{
	ClassArguments *a = p;
	CatCList   *list = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(a->id));

	a->functions = palloc0(sizeof(PaseFunctionMember) * Max(list->n_members, 1));
	for (a->count = 0; a->count < list->n_members; a->count++)
	{
		Form_pg_amproc form = (Form_pg_amproc) GETSTRUCT(&list->members[a->count]->tuple);
		PaseFunctionMember *member = &a->functions[a->count];

		member->number = form->amprocnum;
		member->left_type = form->amproclefttype;
		member->right_type = form->amprocrighttype;
		member->function_id = form->amproc;
		member->takes_nothing_gives_int32 = check_amproc_signature(form->amproc, INT4OID, true, 0, 0);
	}
	ReleaseCatCacheList(list);
}

bool
pase_function_members(Oid family, PaseFunctionMember **result, int *count)
{
	ClassArguments a = {.id = family};

	if (!GUARDED(pase_function_members))
		return false;
	*result = a.functions;
	*count = a.count;
	return true;
}

static void
pase_sort_family_fits_thunk(void *p)
{
	ClassArguments *a = p;

	a->fits = opfamily_can_sort_type(a->id, a->result_type);
}

bool
pase_sort_family_fits(Oid sort_family, Oid result_type, bool *result)
{
	ClassArguments a = {.id = sort_family,.result_type = result_type};

	if (!GUARDED(pase_sort_family_fits))
		return false;
	*result = a.fits;
	return true;
}

/* ---- reloptions ---- */

typedef struct
{
	relopt_kind kind;
	const char *name;
	const char *description;
	int			default_value;
	int			minimum;
	int			maximum;
	const char *default_text;
	Datum		options;
	bool		validate;
	size_t		size;
	const relopt_parse_elt *elements;
	int			count;
	bytea	   *result;
} OptionArguments;

static void
pase_option_kind_thunk(void *p)
{
	((OptionArguments *) p)->kind = add_reloption_kind();
}

bool
pase_option_kind(relopt_kind *result)
{
	OptionArguments a = {.kind = 0};

	if (!GUARDED(pase_option_kind))
		return false;
	*result = a.kind;
	return true;
}

static void
pase_option_int_thunk(void *p)
{
	OptionArguments *a = p;

	add_int_reloption(a->kind, a->name, a->description, a->default_value, a->minimum, a->maximum,
					  AccessExclusiveLock);
}

bool
pase_option_int(relopt_kind kind, const char *name, const char *description,
				int default_value, int minimum, int maximum)
{
	OptionArguments a = {.kind = kind,.name = name,.description = description,
		.default_value = default_value,.minimum = minimum,.maximum = maximum};

	return GUARDED(pase_option_int);
}

static void
pase_option_string_thunk(void *p)
{
	OptionArguments *a = p;

	add_string_reloption(a->kind, a->name, a->description, a->default_text, NULL,
						 AccessExclusiveLock);
}

bool
pase_option_string(relopt_kind kind, const char *name, const char *description,
				   const char *default_value)
{
	OptionArguments a = {.kind = kind,.name = name,.description = description,
		.default_text = default_value};

	return GUARDED(pase_option_string);
}

/*
 * Most options count when an index is built. Who changes one of an index that is there should know, but the server asks
 * only for the options as such: whether ALTER INDEX is about to set them, and of which index, is told afterwards, by its
 * hook for changes of objects. So the options that were validated last wait here for it.
 */
#define MAXIMUM_OPTIONS 16

static struct
{
	bytea	   *options;
	TimestampTz statement;
	relopt_kind kind;
	size_t		size;
	relopt_parse_elt elements[MAXIMUM_OPTIONS];
	int			count;
}			validated;

static object_access_hook_type next_access_hook = NULL;

static void
note_options(const OptionArguments *a)
{
	bytea	   *former = validated.options;

	validated.options = NULL;
	if (former != NULL)
		pfree(former);
	if (a->result == NULL || a->count > MAXIMUM_OPTIONS)
		return;
	validated.statement = GetCurrentStatementStartTimestamp();
	validated.kind = a->kind;
	validated.size = a->size;
	validated.count = a->count;
	memcpy(validated.elements, a->elements, sizeof(relopt_parse_elt) * a->count);
	validated.options = MemoryContextAlloc(TopMemoryContext, VARSIZE(a->result));
	memcpy(validated.options, a->result, VARSIZE(a->result));
}

/* Whether an option counts for an index as it is, or for none. */
static bool
counts_at_once(const char *name)
{
	return strcmp(name, "ef_search") == 0 || strcmp(name, "base64_encoded") == 0 || strcmp(name, "open_omp") == 0 ||
		strcmp(name, "omp_thread_num") == 0;
}

static bool
is_same_option(const relopt_parse_elt *element, const bytea *a, const bytea *b)
{
	int			in_a = *(const int *) ((const char *) a + element->offset);
	int			in_b = *(const int *) ((const char *) b + element->offset);

	if (element->opttype != RELOPT_TYPE_STRING)
		return in_a == in_b;
	return strcmp(in_a == 0 ? "" : (const char *) a + in_a, in_b == 0 ? "" : (const char *) b + in_b) == 0;
}

/* Names the options that differ from those that the index has had so far, if they count for the next build only. */
static void
tell_of_options(Relation index, const bytea *options)
{
	const bytea *former = index->rd_options;
	StringInfoData names;

	if (former == NULL)
		former = build_reloptions((Datum) 0, false, validated.kind, validated.size, validated.elements,
								  validated.count);
	if (former == NULL)
		return;
	initStringInfo(&names);
	for (int n = 0; n < validated.count; n++)
	{
		const relopt_parse_elt *element = &validated.elements[n];

		if (!counts_at_once(element->optname) && !is_same_option(element, former, options))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", element->optname);
	}
	if (names.len > 0)
		ereport(NOTICE,
				(errmsg("changed options of index \"%s\" take effect when it is rebuilt: %s",
						RelationGetRelationName(index), names.data),
				 errhint("Use REINDEX to rebuild it with the new options.")));
	pfree(names.data);
}

static void
object_accessed(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
	bytea	   *options = validated.options;

	if (next_access_hook != NULL)
		next_access_hook(access, class_id, object_id, sub_id, argument);
	if (options == NULL || class_id != RelationRelationId || (access != OAT_POST_ALTER && access != OAT_POST_CREATE))
		return;
	validated.options = NULL;
	if (access == OAT_POST_ALTER && sub_id == 0 && validated.statement == GetCurrentStatementStartTimestamp() &&
		get_rel_relkind(object_id) == RELKIND_INDEX)
	{
		Relation	index = index_open(object_id, NoLock);

		if (index->rd_indam->ambuild == pase_hnsw_build || index->rd_indam->ambuild == pase_ivfflat_build)
			tell_of_options(index, options);
		index_close(index, NoLock);
	}
	pfree(options);
}

void
pase_watch_options(void)
{
	next_access_hook = object_access_hook;
	object_access_hook = object_accessed;
}

static void
pase_options_build_thunk(void *p)
{
	OptionArguments *a = p;

	a->result = build_reloptions(a->options, a->validate, a->kind, a->size, a->elements, a->count);
	if (a->validate)
		note_options(a);
}

bool
pase_options_build(Datum options, bool validate, relopt_kind kind, size_t size,
				   const relopt_parse_elt *elements, int count, bytea **result)
{
	OptionArguments a = {.kind = kind,.options = options,.validate = validate,.size = size,
		.elements = elements,.count = count};

	if (!GUARDED(pase_options_build))
		return false;
	*result = a.result;
	return true;
}
