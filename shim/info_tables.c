/* The tables of options and profiles, to be read by people, and as rows with tabs between for scripts. */
#include "shim/info.h"

#define WIDTH 79

/* A text in lines of WIDTH columns; each but the first is indented, and that one begins there. */
static void wrap(struct xu_text *out, const char *text, int indent)
{
	int column = indent;

	while (*(text += strspn(text, " "))) {
		int len = (int)strcspn(text, " ");

		if (column > indent && column + 1 + len > WIDTH) {
			xu_text_str(out, "\n");
			xu_text_pad(out, "", indent);
			column = indent;
		} else if (column > indent) {
			xu_text_str(out, " ");
			column++;
		}
		xu_text_mem(out, text, (size_t)len);
		column += len;
		text += len;
	}
	xu_text_str(out, "\n");
}

/* "auto|ring|off", "1 to 4096", "PATH" */
static void values(struct xu_text *out, const struct xu_option *o)
{
	if (o->kind == XU_NUMBER) {
		xu_text_num(out, o->low, 0);
		xu_text_str(out, " to ");
		xu_text_num(out, o->high, 0);
	} else {
		xu_text_str(out, o->form);
	}
}

static void default_value(struct xu_text *out, const struct xu_option *o)
{
	if (o->kind == XU_NUMBER)
		xu_text_num(out, o->number, 0);
	else
		xu_text_str(out, o->def);
}

/* Are rows wanted (1)? What is neither that nor nothing is told to be wrong (-1). */
static int rows_wanted(char **args)
{
	if (!args[0])
		return 0;
	if (!strcmp(args[0], "--rows") && !args[1])
		return 1;
	info_say("the tables take no argument but --rows");
	return -1;
}

int info_options(struct xu_text *out, char **args)
{
	int rows = rows_wanted(args);

	if (rows < 0)
		return 2;
	if (!rows)
		xu_text_str(out, "Options: xuring run -o NAME=VALUE, or XURING_NAME=VALUE in the "
				 "environment, or\nNAME = VALUE in /etc/xuring.conf or "
				 "~/.config/xuring.conf.\n\n");
	for (size_t i = 0; i < XU_NR_OPTIONS; i++) {
		const struct xu_option *o = &xu_options[i];

		xu_text_str(out, o->name);
		xu_text_str(out, rows ? "\t" : " = ");
		values(out, o);
		if (rows) {
			xu_text_str(out, "\t");
			default_value(out, o);
			xu_text_str(out, "\t");
			xu_text_str(out, o->help);
			xu_text_str(out, "\n");
			continue;
		}
		if (o->kind != XU_TEXT) {
			xu_text_str(out, "   (default: ");
			default_value(out, o);
			xu_text_str(out, ")");
		}
		xu_text_str(out, "\n    ");
		wrap(out, o->help, 4);
	}
	return 0;
}

/* The settings that follow the row of a profile: "PROFILE=server ENTRIES=256". */
static void settings(struct xu_text *out, const struct xu_profile_row *row)
{
	const struct xu_profile_row *end = xu_profile_rows + xu_nr_profile_rows;
	const char *before = "";

	for (row++; row < end && row->value; row++) {
		xu_text_str(out, before);
		xu_text_str(out, row->name);
		xu_text_str(out, "=");
		xu_text_str(out, row->value);
		before = " ";
	}
}

int info_profiles(struct xu_text *out, char **args)
{
	int rows = rows_wanted(args);
	char buf[256];
	struct xu_text t;

	if (rows < 0)
		return 2;
	if (!rows)
		xu_text_str(out, "Profiles: xuring run -p NAME[,NAME], or XURING_PROFILE=NAME,... in the "
				 "environment.\n\n");
	for (size_t i = 0; i < xu_nr_profile_rows; i++) {
		const struct xu_profile_row *row = &xu_profile_rows[i];

		if (row->value)
			continue;
		xu_text_init(&t, buf, sizeof(buf));
		settings(&t, row);
		if (rows) {
			xu_text_str(out, row->name);
			xu_text_str(out, "\t");
			xu_text_str(out, row->purpose);
			xu_text_str(out, "\t");
			xu_text_str(out, row->relaxes);
			xu_text_str(out, "\t");
			xu_text_str(out, buf);
			xu_text_str(out, "\n");
			continue;
		}
		xu_text_pad(out, row->name, 11);
		wrap(out, row->purpose, 11);
		xu_text_str(out, "  relaxes: ");
		wrap(out, row->relaxes, 11);
		if (t.len) {
			xu_text_str(out, "  sets:    ");
			wrap(out, buf, 11);
		}
	}
	return 0;
}

int info_engines(struct xu_text *out, char **args)
{
	static const char *const names[] = {
#define ENGINE(name) #name,
#include "shim/engine/engines.def"
		NULL};

	(void)args;
	for (const char *const *name = names; *name; name++) {
		xu_text_str(out, *name);
		xu_text_str(out, "\n");
	}
	return 0;
}
