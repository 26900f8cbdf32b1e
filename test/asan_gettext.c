/*
 * asan_gettext.c: preloaded beside AddressSanitizer's library.
 *
 * With the sanitizer preloaded, the server's first call of bindtextdomain waits for
 * ever for a lock inside the C library.  Untranslated messages need none of these.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 */
#include <libintl.h>

#undef bindtextdomain
#undef textdomain
#undef bind_textdomain_codeset

char *
bindtextdomain(const char *domain, const char *folder)
{
	(void) domain;
	return (char *) folder;
}

char *
textdomain(const char *domain)
{
	return (char *) domain;
}

char *
bind_textdomain_codeset(const char *domain, const char *codeset)
{
	(void) domain;
	return (char *) codeset;
}
