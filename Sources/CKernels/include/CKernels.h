#ifndef CKERNELS_H
#define CKERNELS_H
/* Processor features and the few instructions that Swift cannot name. */
#endif
