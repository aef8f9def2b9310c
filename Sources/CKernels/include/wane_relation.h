#ifndef WANE_RELATION_H
#define WANE_RELATION_H

#include <stddef.h>

/* How the rows of x [rows, width] lie to each other. */

/* d [rows, rows]: the Euclidean distance of each pair; 0 of a row to itself. */
void wane_row_distances_f32(const float *x, float *d, size_t rows, size_t width);

/* g [rows, rows]: the inner product of each pair. */
void wane_row_products_f32(const float *x, float *g, size_t rows, size_t width);

/* y [end - begin, width]: for the rows i of c [rows, rows] from begin to end, the sum over j of
   c[i][j] x[j]. */
void wane_row_combine_f32(const float *c, const float *x, float *y, size_t begin, size_t end,
                          size_t rows, size_t width);

#endif
