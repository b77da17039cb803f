/* Files on the server. See Calls.h. */
#include "CPostgres.h"

#include <sys/stat.h>

#include "catalog/pg_authid.h"
#include "storage/fd.h"
#include "utils/acl.h"

#define GUARDED(name) pase_guard(name##_thunk, &a, #name)

typedef struct
{
	const char *path;
	char	   *content;
	size_t		length;
} FileArguments;

static void
pase_read_server_file_thunk(void *p)
{
	FileArguments *a = p;
	FILE	   *file;
	struct stat status;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read centroids from a file"),
				 errdetail("Only members of the role pg_read_server_files may read files of the server.")));
	file = AllocateFile(a->path, PG_BINARY_R);
	if (file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open centroid file \"%s\": %m", a->path)));
	if (fstat(fileno(file), &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat centroid file \"%s\": %m", a->path)));
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("centroid file \"%s\" is not a regular file", a->path)));
	if ((Size) status.st_size > MaxAllocSize / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("centroid file \"%s\" is too large", a->path)));
	a->content = palloc((size_t) status.st_size + 1);
	a->length = fread(a->content, 1, (size_t) status.st_size, file);
	if (ferror(file))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read centroid file \"%s\": %m", a->path)));
	FreeFile(file);
}

bool
pase_read_server_file(const char *path, char **content, size_t *length)
{
	FileArguments a = {.path = path};

	if (!GUARDED(pase_read_server_file))
		return false;
	*content = a.content;
	*length = a.length;
	return true;
}
