#ifndef CNUMBERS_H
#define CNUMBERS_H

/*
 * The nearest float to a number in decimal notation, ties to even: infinity where it is too large,
 * zero where it is too small. The text must be a plain decimal number that ends in a NUL; the decimal
 * point must be left out, which makes the result the same in every locale.
 */
float cnumbers_float_from_decimal(const char *text);

#endif
