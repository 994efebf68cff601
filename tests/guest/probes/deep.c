/*
 * A plugin that finds its libc before everybody else's (RTLD_DEEPBIND): what it opens and closes no
 * hook sees. deep PORT PLUGIN; the plugin is this file, built with -DPLUGIN.
 */
#include "probe.h"

#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef PLUGIN

int plugin_dial(uint16_t port)
{
	return dial(port);
}

int plugin_close(int fd)
{
	return close(fd);
}

void plugin_live(uint16_t port)
{
	live(port);
}

#else

int main(int argc, char **argv)
{
	char byte;
	MUST(argc == 3);
	uint16_t port = port_of(argv[1]);
	void *plugin = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	MUST(plugin != NULL);
	int (*their_dial)(uint16_t) = (int (*)(uint16_t))dlsym(plugin, "plugin_dial");
	int (*their_close)(int) = (int (*)(int))dlsym(plugin, "plugin_close");
	void (*their_live)(uint16_t) = (void (*)(uint16_t))dlsym(plugin, "plugin_live");
	for (int i = 0; i < 3; i++) {
		/* Opened there and closed here, then the other way round. */
		int fd = their_dial(port);
		order(fd, 'e');
		DO(recv(fd, &byte, 1, 0));
		DO(close(fd));
		fd = dial(port);
		order(fd, 'e');
		DO(recv(fd, &byte, 1, 0));
		DO(their_close(fd));
		say_state();
	}
	their_live(port);
	live(port);
	return 0;
}

#endif
