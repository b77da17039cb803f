# crash_during_inserts.pl for pase_ivfflat.

use strict;
use warnings;

use PaseTest;

for_method('pase_ivfflat', 'crash_during_inserts');
