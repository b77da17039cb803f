/* See Guard.h. */
#include "CPostgres.h"

#define FAILURE_TEXT_SIZE 1024

typedef enum
{
	NO_FAILURE,
	SERVER_FAILURE,
	OWN_FAILURE
} FailureKind;

/*
 * At most one error is on its way in a backend at a time. It waits here, not in allocated memory, so
 * that noting it cannot fail.
 */
static struct
{
	FailureKind kind;
	int			sqlstate;
	bool		has_detail;
	bool		has_hint;
	char		message[FAILURE_TEXT_SIZE];
	char		detail[FAILURE_TEXT_SIZE];
	char		hint[FAILURE_TEXT_SIZE];
}			failure;

#ifdef PASE_TEST
int			pase_fault_countdown = 0;
#endif

bool
pase_guard(PaseThunk thunk, void *arguments, const char *name)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
#ifdef PASE_TEST
		if (unlikely(pase_fault_countdown > 0) && --pase_fault_countdown == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("injected fault in \"%s\"", name)));
#endif
		thunk(arguments);
		done = true;
	}
	PG_CATCH();
	{
		/* The error stays on elog.c's stack; raising it again needs no copy, so no memory. */
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
	return done;
}

void
pase_fail_with_server_error(void)
{
	failure.kind = SERVER_FAILURE;
}

size_t
pase_server_text(char *target, const char *source, size_t length)
{
	const unsigned char *bytes = (const unsigned char *) source;
	size_t		written = 0;

	for (size_t n = 0; n < length; n++)
	{
		/* U+10FF80 to U+10FFFF: F4 8F BE or BF, and one more byte */
		if (bytes[n] == 0xF4 && length - n >= 4 && bytes[n + 1] == 0x8F && (bytes[n + 2] & 0xFE) == 0xBE &&
			!pase_database_is_utf8())
		{
			target[written++] = (char) ((bytes[n + 2] & 3) << 6 | (bytes[n + 3] & 0x3F));
			n += 3;
		}
		else
			target[written++] = source[n];
	}
	target[written] = '\0';
	return written;
}

/* Copies what fits, never half a character. */
static void
keep_text(char *target, const char *text, size_t length)
{
	size_t		taken = length;

	if (taken >= FAILURE_TEXT_SIZE)
	{
		taken = FAILURE_TEXT_SIZE - 1;
		while (taken > 0 && ((unsigned char) text[taken] & 0xC0) == 0x80)
			taken--;
	}
	taken = pase_server_text(target, text, taken);
	/* What was cut between characters of Unicode may have been cut within one of the database's. */
	if (taken > 0 && length >= FAILURE_TEXT_SIZE)
		target[pase_clip_text(target, (int) taken, (int) taken - 1)] = '\0';
}

void
pase_fail_with(int sqlstate,
			   const char *message, size_t message_length,
			   const char *detail, size_t detail_length,
			   const char *hint, size_t hint_length)
{
	failure.kind = OWN_FAILURE;
	failure.sqlstate = sqlstate;
	failure.has_detail = detail != NULL;
	failure.has_hint = hint != NULL;
	keep_text(failure.message, message, message_length);
	if (detail != NULL)
		keep_text(failure.detail, detail, detail_length);
	if (hint != NULL)
		keep_text(failure.hint, hint, hint_length);
}

void
pase_raise_if_failed(void)
{
	FailureKind kind = failure.kind;

	if (likely(kind == NO_FAILURE))
		return;
	failure.kind = NO_FAILURE;
	if (kind == SERVER_FAILURE)
		PG_RE_THROW();
	ereport(ERROR,
			(errcode(failure.sqlstate),
			 errmsg_internal("%s", failure.message),
			 failure.has_detail ? errdetail_internal("%s", failure.detail) : 0,
			 failure.has_hint ? errhint("%s", failure.hint) : 0));
}
