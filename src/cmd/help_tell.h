/* What the command itself knows of the topics of `resetby help`, where there is no man. */
#ifndef RESETBY_CMD_HELP_TELL_H
#define RESETBY_CMD_HELP_TELL_H

/** Each prints the tables of a topic and ends with a status. */
int tell_command(void);
int tell_rules(void);
int tell_variables(void);
int tell_log(void);
int tell_causes(void);

#endif
