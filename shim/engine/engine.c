/* All engines, asked in the order of the table: see engine.h. */
#include "shim/engine/engine.h"

static const struct engine *const engines[] = {
#define ENGINE(name) &engine_##name,
#include "shim/engine/engines.def"
	NULL};

void engines_start(const struct xu_config *config)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->start)
			(*e)->start(config);
}

bool engines_call(struct call *c)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->call && (*e)->call(c))
			return true;
	return false;
}

void engines_plain(struct call *c)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->plain)
			(*e)->plain(c);
}

void engines_seen(struct call *c, long res)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->seen)
			(*e)->seen(c, res);
}

void engines_settle(void)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->settle)
			(*e)->settle();
}

void engines_renew(void)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->renew)
			(*e)->renew();
}

void engines_end(void)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->end)
			(*e)->end();
}

void engines_forked(void)
{
	for (const struct engine *const *e = engines; *e; e++)
		if ((*e)->forked)
			(*e)->forked();
}

/* The record names all engines that the project knows, those that are not here as empty objects. */
void engines_report(struct xu_text *t)
{
	static const char *const names[] = {"loop", "scout", "sync", "aio", "stream"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		xu_text_str(t, i ? ",\"" : "\"");
		xu_text_str(t, names[i]);
		xu_text_str(t, "\":{");
		for (const struct engine *const *e = engines; *e; e++)
			if (!strcmp((*e)->name, names[i]) && (*e)->report)
				(*e)->report(t);
		xu_text_str(t, "}");
	}
}
