# memory_and_threads.pl for pase_ivfflat.

use strict;
use warnings;

use PaseTest;

for_method('pase_ivfflat', 'memory_and_threads');
