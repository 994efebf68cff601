"""What the preload costs a program that does nothing."""

import os

import setting as what
import table

RUNS_PER_ROUND = 5


def start_once(configuration, environment):
    """Processor time of the program, with that of its tracer where it has one."""
    command = [*configuration.prefix, "/bin/true"]
    pid = os.posix_spawnp(command[0], command, environment)
    _, _, used = os.wait4(pid, 0)
    return (used.ru_utime + used.ru_stime) * 1e9


def measure(setting, rounds):
    samples = table.Samples()
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cpus)})
    every = [(each, what.environment(each)) for each in setting.all()]
    for number in range(rounds * RUNS_PER_ROUND):
        for configuration, environment in what.rotated(every, number):
            samples.add(configuration.name, start_once(configuration, environment)
                        if configuration.name != "strace" or number % 16 == 0 else None)
    os.sched_setaffinity(0, cpus)
    table.row("start /bin/true", samples)
    setting.remove_logs()
