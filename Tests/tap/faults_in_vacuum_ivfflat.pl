# faults_in_vacuum.pl for pase_ivfflat.

use strict;
use warnings;

use PaseTest;

for_method('pase_ivfflat', 'faults_in_vacuum');
