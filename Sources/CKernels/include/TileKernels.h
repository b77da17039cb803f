#ifndef TILE_KERNELS_H
#define TILE_KERNELS_H

/* The record that each instruction level fills in with its kernels for many rows and many centroids
 * at once. Swift's `VectorKernels.TileTable` documents each member. */

#include <stddef.h>
#include <stdint.h>

typedef struct TileFunctions {
    void (*_Nonnull products)(
        const float *_Nonnull, ptrdiff_t, ptrdiff_t, const float *_Nonnull, ptrdiff_t, ptrdiff_t,
        float *_Nonnull, ptrdiff_t);
    void (*_Nonnull nearest)(
        const float *_Nonnull, ptrdiff_t, ptrdiff_t, const float *_Nonnull, ptrdiff_t, ptrdiff_t,
        const float *_Nonnull, void *_Nonnull, int32_t *_Nonnull, float *_Nonnull);
} TileFunctions;

#endif
