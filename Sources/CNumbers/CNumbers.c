#include "CNumbers.h"

#include <errno.h>
#include <stdlib.h>

float cnumbers_float_from_decimal(const char *text)
{
	/* The caller goes by the value; its own errno is none of our business. */
	int		saved_errno = errno;
	float	value = strtof(text, NULL);

	errno = saved_errno;
	return value;
}
