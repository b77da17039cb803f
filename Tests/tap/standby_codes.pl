# standby.pl for pase_hnsw with codes.

use strict;
use warnings;

use PaseTest;

with_codes('standby');
