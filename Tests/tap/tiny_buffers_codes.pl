# tiny_buffers.pl for pase_hnsw with codes.

use strict;
use warnings;

use PaseTest;

with_codes('tiny_buffers');
