/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults on purpose, in the test build only (-DCALVE_FAULTS; elsewhere every
 * macro is nothing).
 *
 * FAULT_POINT("store.fsync.before") is a numbered place just before or after
 * an I/O step. The environment decides what happens there:
 *   CALVE_FAULT=kill:N          SIGKILL to ourselves at the N-th point passed
 *   CALVE_FAULT=kill:NAME[:K]   at the K-th (1) passing of the point NAME
 *   CALVE_FAULT=stop:NAME[:K]   SIGSTOP there (a test acts, then SIGCONT)
 *   CALVE_FAULT=list:FILE       append each passed point's name to FILE
 *
 * FAULT_ERRNO("store.write") in a condition makes the step fail:
 *   CALVE_FAULT=errno:NAME:ENOSPC[:K]   sets errno, from the K-th passing on
 * Of different kinds there may be one each, with commas between them.
 *
 * FAULT_NUMBER("CALVE_SOMETHING_MS", n) is the environment's number, else n:
 * for what takes minutes, and must not in a test.
 */
#ifndef CALVE_FAULT_H
#define CALVE_FAULT_H

#ifdef CALVE_FAULTS
void fault_point(const char *name);
int fault_errno(const char *name); /* 1 with errno set, or 0 */
unsigned long fault_number(const char *variable, unsigned long otherwise);
#define FAULT_POINT(name) fault_point(name)
#define FAULT_ERRNO(name) fault_errno(name)
#define FAULT_NUMBER(variable, n) fault_number(variable, n)
#else
#define FAULT_POINT(name) ((void)0)
#define FAULT_ERRNO(name) 0
#define FAULT_NUMBER(variable, n) (n)
#endif

#endif
