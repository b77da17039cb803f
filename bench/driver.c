/*
 * The client of the benchmark: one connection, one prepared statement, one vector as its binary
 * parameter, one execution after the other. The same for every extension, and little else than
 * libpq, so that what is measured is the server.
 *
 * For each timed execution it prints a line: nanoseconds, then the rows' first column (int4). The
 * last line is "cpu N": nanoseconds that the server's process spent on a processor meanwhile, where
 * the system tells, which says more than the clock on a busy machine.
 */
#ifdef __linux__
#define _GNU_SOURCE				/* for sched_setaffinity */
#include <sched.h>
#endif
#include <arpa/inet.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
	"usage: driver [option...] STATEMENT\n"
	"  --before SQL       run this first (any number of times)\n"
	"  --vectors FILE     rows of float4 in the machine's byte order; one per execution\n"
	"  --dimensions N     elements of a row\n"
	"  --skip N           rows of the file to leave out at the start\n"
	"  --count N          executions per pass\n"
	"  --as TYPE          the vector's type: array, pase or vector\n"
	"  --extra N          second field of a pase\n"
	"  --metric N         third field of a pase\n"
	"  --first-id N       an int4 parameter before the vector, counted up from N\n"
	"  --warm N           executions before the clock starts\n"
	"  --passes N         passes with the clock running\n";

typedef struct Options
{
	const char *statement;
	const char *file;
	const char *type;
	long		dimensions, skip, count, extra, metric, firstId, warm, passes;
	bool		hasId;
} Options;

typedef struct Result
{
	int64_t		nanoseconds;
	int			rows;
	int32_t    *ids;
} Result;

static void
fail(const char *what, const char *detail)
{
	fprintf(stderr, "driver: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
	exit(1);
}

static void *
allocate(size_t bytes)
{
	void	   *memory = malloc(bytes ? bytes : 1);

	if (memory == NULL)
		fail("out of memory", NULL);
	return memory;
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What the server's process has computed so far, or -1 where the system does not say. */
static int64_t
cpuTime(int pid)
{
	char		path[64];
	int64_t		spent = -1;
	FILE	   *file;

	snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return -1;
	if (fscanf(file, "%" SCNd64, &spent) != 1)
		spent = -1;
	fclose(file);
	return spent;
}

static char *
put32(char *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, 4);
	return at + 4;
}

static char *
put16(char *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, 2);
	return at + 2;
}

/* Writes a vector as the type's receive function wants it; returns its length in bytes. */
static int
encode(char *buffer, const Options *o, const uint32_t *vector)
{
	char	   *at = buffer;
	bool		isArray = strcmp(o->type, "array") == 0;

	if (isArray)
	{
		at = put32(at, 1);		/* one dimension */
		at = put32(at, 0);		/* no NULLs */
		at = put32(at, 700);	/* float4 */
		at = put32(at, o->dimensions);
		at = put32(at, 1);		/* counted from 1 */
	}
	else if (strcmp(o->type, "pase") == 0)
	{
		at = put32(at, o->dimensions);
		at = put32(at, o->extra);
		at = put32(at, o->metric);
	}
	else
	{
		at = put16(at, o->dimensions);
		at = put16(at, 0);
	}
	for (long i = 0; i < o->dimensions; i++)
	{
		if (isArray)
			at = put32(at, 4);	/* the element's length */
		at = put32(at, vector[i]);
	}
	return at - buffer;
}

/* All vectors of all executions, encoded beforehand: encoding is the client's own work. */
static void
encodeAll(const Options *o, char **values, int *lengths)
{
	FILE	   *file = fopen(o->file, "rb");
	uint32_t   *vector = allocate(o->dimensions * 4);

	if (file == NULL || fseek(file, o->skip * o->dimensions * 4, SEEK_SET) != 0)
		fail(o->file, "cannot be read");
	for (long i = 0; i < o->count; i++)
	{
		if (fread(vector, 4, o->dimensions, file) != (size_t) o->dimensions)
			fail(o->file, "has too few vectors");
		values[i] = allocate(20 + o->dimensions * 8);
		lengths[i] = encode(values[i], o, vector);
	}
	fclose(file);
	free(vector);
}

static PGresult *
check(PGconn *connection, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail("the server says", PQerrorMessage(connection));
	return result;
}

static void
execute(PGconn *connection, const Options *o, const char *value, int length, long row, Result *result)
{
	const char *values[2];
	int			lengths[2], formats[2] = {1, 1}, count = 0;
	char		id[4];
	int64_t		began;
	PGresult   *answer;

	if (o->hasId)
	{
		put32(id, o->firstId + row);
		values[count] = id;
		lengths[count++] = 4;
	}
	if (value != NULL)
	{
		values[count] = value;
		lengths[count++] = length;
	}
	began = now();
	answer = PQexecPrepared(connection, "s", count, values, lengths, formats, 1);
	if (result == NULL)
	{
		PQclear(check(connection, answer));
		return;
	}
	result->nanoseconds = now() - began;
	check(connection, answer);
	result->rows = PQnfields(answer) > 0 ? PQntuples(answer) : 0;
	result->ids = allocate(result->rows * sizeof(int32_t));
	for (int i = 0; i < result->rows; i++)
	{
		uint32_t	raw = 0;

		if (PQgetlength(answer, i, 0) == 4)
			memcpy(&raw, PQgetvalue(answer, i, 0), 4);
		result->ids[i] = (int32_t) ntohl(raw);
	}
	PQclear(answer);
}

/*
 * Client and server take turns and never work at the same time. On one processor the turn costs a few
 * microseconds; on two the other must often be woken up first, which may take longer than a query and
 * says nothing about it.
 */
static void
shareProcessor(int server)
{
#ifdef __linux__
	int			processor = sched_getcpu();
	cpu_set_t	set;

	if (processor < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(server, sizeof set, &set) != 0 || sched_setaffinity(0, sizeof set, &set) != 0)
		fputs("driver: client and server are on different processors\n", stderr);
#else
	(void) server;
#endif
}

static void
run(PGconn *connection, const Options *o)
{
	char	  **values = allocate(o->count * sizeof *values);
	int		   *lengths = allocate(o->count * sizeof *lengths);
	Result	   *results = allocate(o->passes * o->count * sizeof *results);
	int64_t		cpuBefore, cpuAfter;
	int			server = PQbackendPID(connection);

	shareProcessor(server);
	if (o->file != NULL)
		encodeAll(o, values, lengths);
	else
		for (long i = 0; i < o->count; i++)
			values[i] = NULL;

	PQclear(check(connection, PQprepare(connection, "s", o->statement, 0, NULL)));
	for (long i = 0; i < o->warm; i++)
		execute(connection, o, values[i % o->count], lengths[i % o->count], i % o->count, NULL);

	cpuBefore = cpuTime(server);
	for (long i = 0; i < o->passes * o->count; i++)
		execute(connection, o, values[i % o->count], lengths[i % o->count], i % o->count,
				&results[i]);
	cpuAfter = cpuTime(server);

	for (long i = 0; i < o->passes * o->count; i++)
	{
		printf("%" PRId64, results[i].nanoseconds);
		for (int row = 0; row < results[i].rows; row++)
			printf(" %" PRId32, results[i].ids[row]);
		putchar('\n');
	}
	printf("cpu %" PRId64 "\n", cpuBefore < 0 || cpuAfter < 0 ? -1 : cpuAfter - cpuBefore);
}

static long
number(const char *text)
{
	char	   *end;
	long		value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0')
		fail("not a number", text);
	return value;
}

/* Takes one option and its value; SQL to run first is run at once. */
static bool
option(PGconn *connection, Options *o, const char *name, const char *value)
{
	if (strcmp(name, "--before") == 0)
		PQclear(check(connection, PQexec(connection, value)));
	else if (strcmp(name, "--vectors") == 0)
		o->file = value;
	else if (strcmp(name, "--as") == 0)
		o->type = value;
	else if (strcmp(name, "--dimensions") == 0)
		o->dimensions = number(value);
	else if (strcmp(name, "--skip") == 0)
		o->skip = number(value);
	else if (strcmp(name, "--count") == 0)
		o->count = number(value);
	else if (strcmp(name, "--extra") == 0)
		o->extra = number(value);
	else if (strcmp(name, "--metric") == 0)
		o->metric = number(value);
	else if (strcmp(name, "--warm") == 0)
		o->warm = number(value);
	else if (strcmp(name, "--passes") == 0)
		o->passes = number(value);
	else if (strcmp(name, "--first-id") == 0)
	{
		o->firstId = number(value);
		o->hasId = true;
	}
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	Options		o = {.type = "array", .count = 1, .passes = 1};
	PGconn	   *connection = PQconnectdb("");
	int			i;

	if (PQstatus(connection) != CONNECTION_OK)
		fail("cannot connect", PQerrorMessage(connection));
	for (i = 1; i + 1 < argc; i += 2)
		if (!option(connection, &o, argv[i], argv[i + 1]))
			break;
	if (i != argc - 1)
	{
		fputs(usage, stderr);
		return 2;
	}
	o.statement = argv[i];
	run(connection, &o);
	PQfinish(connection);
	return 0;
}
