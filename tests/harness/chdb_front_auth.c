/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: one user and password, told in one of the three ways a ClickHouse
 * server takes (its own headers, basic authentication, the URL), never in two
 * at once. A refusal is worded as the real one words it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chdb_front.h"

const char *
request_argument(struct MHD_Connection *conn, const char *name)
{
	return MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, name);
}

const char *
request_header(struct MHD_Connection *conn, const char *name)
{
	return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

/* What a server says to wrong credentials; the caller frees it. */
static char *
refusal(const char *user)
{
	char *text;

	if (asprintf(&text,
		"%s: Authentication failed: password is "
		"incorrect, or there is no user with such name.\n\n"
		"If you use ClickHouse Cloud, the password can be reset "
		"at https://clickhouse.cloud/\non the settings page for "
		"the corresponding service.\n\nIf you have installed "
		"ClickHouse and forgot password you can reset it in the "
		"configuration file.\nThe password for default user is "
		"typically located at /etc/clickhouse-server/users.d/"
		"default-password.xml\nand deleting this file will reset "
		"the password.\nSee also /etc/clickhouse-server/users.xml "
		"on the server where ClickHouse is installed.\n\n",
		user) == -1)
		abort();
	return text;
}

bool
auth_check(struct MHD_Connection *conn, const struct want *want,
    const char *good_user, const char *good_password, enum MHD_Result *ret)
{
	const char *user = request_header(conn, "X-ClickHouse-User");
	const char *key = request_header(conn, "X-ClickHouse-Key");
	char *basic_password = NULL, *text = NULL;
	char *basic =
	    MHD_basic_auth_get_username_password(conn, &basic_password);
	const char *url_user = request_argument(conn, "user");
	const char *url_password = request_argument(conn, "password");
	const char *password = key;

	if (user != NULL || key != NULL) {
		if (basic != NULL)
			text = strdup(
			    "Invalid authentication: it is not "
			    "allowed to use X-ClickHouse HTTP headers and "
			    "Authorization HTTP header simultaneously");
		else if (url_user != NULL || url_password != NULL)
			text = strdup(
			    "Invalid authentication: it is not "
			    "allowed to use X-ClickHouse HTTP headers and "
			    "authentication via parameters simultaneously");
		else if (user == NULL || user[0] == '\0')
			text = strdup("Got an empty user name from "
				      "X-ClickHouse HTTP headers");
	} else if (basic != NULL) {
		user = basic;
		password = basic_password;
	} else {
		user = url_user != NULL ? url_user : "default";
		password = url_password;
	}
	bool ok = text == NULL && strcmp(user, good_user) == 0 &&
	    strcmp(password == NULL ? "" : password, good_password) == 0;
	if (!ok) {
		if (text == NULL)
			text = refusal(user);
		*ret = reply_exception(conn, want, FRONT_AUTH_FAILED,
		    "AUTHENTICATION_FAILED", text);
	}
	free(text);
	free(basic);
	free(basic_password);
	return ok;
}
