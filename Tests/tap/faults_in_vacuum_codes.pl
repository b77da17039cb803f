# faults_in_vacuum.pl for pase_hnsw with codes.

use strict;
use warnings;

use PaseTest;

with_codes('faults_in_vacuum');
