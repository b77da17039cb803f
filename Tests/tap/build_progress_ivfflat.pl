# build_progress.pl for pase_ivfflat.

use strict;
use warnings;

use PaseTest;

for_method('pase_ivfflat', 'build_progress');
