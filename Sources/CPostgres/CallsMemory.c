/* Memory, values and messages. See Calls.h. */
#include "CPostgres.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

typedef struct
{
	MemoryContext context;
	size_t		size;
	bool		zero;
	void	   *result;
} AllocateArguments;

static void
pase_allocate_thunk(void *p)
{
	AllocateArguments *a = p;

	a->result = MemoryContextAllocExtended(a->context, a->size,
										   MCXT_ALLOC_HUGE | (a->zero ? MCXT_ALLOC_ZERO : 0));
}

bool
pase_allocate(MemoryContext context, size_t size, bool zero, void **result)
{
	AllocateArguments a = {context, size, zero, NULL};

	if (!GUARDED(pase_allocate))
		return false;
	*result = a.result;
	return true;
}

typedef struct
{
	MemoryContext context;
	const char *name;
} ContextArguments;

static void
pase_context_create_thunk(void *p)
{
	ContextArguments *a = p;

	a->context = AllocSetContextCreateInternal(a->context, a->name, ALLOCSET_DEFAULT_SIZES);
}

bool
pase_context_create(MemoryContext parent, const char *name, MemoryContext *result)
{
	ContextArguments a = {parent, name};

	if (!GUARDED(pase_context_create))
		return false;
	*result = a.context;
	return true;
}

static void
pase_context_reset_thunk(void *p)
{
	MemoryContextReset(((ContextArguments *) p)->context);
}

bool
pase_context_reset(MemoryContext context)
{
	ContextArguments a = {context, NULL};

	return GUARDED(pase_context_reset);
}

static void
pase_context_delete_thunk(void *p)
{
	MemoryContextDelete(((ContextArguments *) p)->context);
}

bool
pase_context_delete(MemoryContext context)
{
	ContextArguments a = {context, NULL};

	return GUARDED(pase_context_delete);
}

typedef struct
{
	MemoryContext context;
	void		(*release) (void *);
	void	   *object;
} OnResetArguments;

static void
pase_context_on_reset_thunk(void *p)
{
	OnResetArguments *a = p;
	MemoryContextCallback *callback = MemoryContextAlloc(a->context, sizeof(MemoryContextCallback));

	callback->func = a->release;
	callback->arg = a->object;
	MemoryContextRegisterResetCallback(a->context, callback);
}

bool
pase_context_on_reset(MemoryContext context, void (*release) (void *), void *object)
{
	OnResetArguments a = {context, release, object};

	return GUARDED(pase_context_on_reset);
}

typedef struct
{
	Datum		value;
	void	   *result;
} DetoastArguments;

static void
pase_detoast_thunk(void *p)
{
	DetoastArguments *a = p;

	a->result = PG_DETOAST_DATUM(a->value);
}

bool
pase_detoast(Datum value, void **result)
{
	DetoastArguments a = {value, NULL};

	if (!GUARDED(pase_detoast))
		return false;
	*result = a.result;
	return true;
}

typedef struct
{
	int			level;
	int			sqlstate;
	const char *message;
	const char *hint;
} ReportArguments;

static void
pase_report_thunk(void *p)
{
	ReportArguments *a = p;
	char	   *message = palloc(strlen(a->message) + 1);
	char	   *hint = NULL;

	pase_server_text(message, a->message, strlen(a->message));
	if (a->hint != NULL)
	{
		hint = palloc(strlen(a->hint) + 1);
		pase_server_text(hint, a->hint, strlen(a->hint));
	}
	ereport(a->level,
			(errcode(a->sqlstate),
			 errmsg_internal("%s", message),
			 hint != NULL ? errhint("%s", hint) : 0));
	pfree(message);
	if (hint != NULL)
		pfree(hint);
}

bool
pase_report(int level, int sqlstate, const char *message, const char *hint)
{
	ReportArguments a = {level, sqlstate, message, hint};

	return GUARDED(pase_report);
}

static void
pase_check_interrupts_thunk(void *p)
{
	CHECK_FOR_INTERRUPTS();
}

bool
pase_check_interrupts(void)
{
	int			a = 0;

	return GUARDED(pase_check_interrupts);
}

typedef struct
{
	Oid			type;
	const char *result;
} TypeNameArguments;

static void
pase_type_name_thunk(void *p)
{
	TypeNameArguments *a = p;

	a->result = format_type_be(a->type);
}

bool
pase_type_name(Oid type, const char **result)
{
	TypeNameArguments a = {type, NULL};

	if (!GUARDED(pase_type_name))
		return false;
	*result = a.result;
	return true;
}
