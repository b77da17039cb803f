# crash_during_inserts.pl for pase_hnsw with vectors in half precision.

use strict;
use warnings;

use PaseTest;

with_codes('crash_during_inserts', 0);
