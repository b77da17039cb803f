# standby.pl for pase_hnsw with vectors in half precision.

use strict;
use warnings;

use PaseTest;

with_codes('standby', 0);
