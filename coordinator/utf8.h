/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker quotes from its source may be no UTF-8; the state database
 * and JSON take nothing else.
 */
#ifndef CALVE_UTF8_H
#define CALVE_UTF8_H

/* Bytes that are no part of a well-formed sequence become '?'. In place; NULL
 * is fine. */
void utf8_mend(char *);

#endif
