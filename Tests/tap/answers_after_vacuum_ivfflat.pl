# answers_after_vacuum.pl for pase_ivfflat.

use strict;
use warnings;

use PaseTest;

for_method('pase_ivfflat', 'answers_after_vacuum');
