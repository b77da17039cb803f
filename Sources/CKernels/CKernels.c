/* A C module needs one file to compile; all of this one is inline in its header. */
#include "CKernels.h"
