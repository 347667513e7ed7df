"""What scripts that measure share: where gemmac is, and how much of the CPUs other processes take."""
import os
import resource

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GEMMAC = os.path.join(ROOT, "build/bin/gemmac")
# Other processes with more of the CPUs than this make a figure doubtful: a thread that spins at a barrier waits for one that was interrupted.
DISTURBED = 0.02


def cpu_name():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")


def cpu_times(process=None):
    """Ticks of all CPUs: all, those that were not idle, and those of one process; without one, of this one's children that have ended."""
    with open("/proc/stat") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return sum(ticks), sum(ticks) - ticks[3] - ticks[4], ticks_of_children() if process is None else ticks_of(process)


def ticks_of(process):
    with open(f"/proc/{process}/stat") as file:
        own = file.read().rsplit(")", 1)[1].split()
    return int(own[11]) + int(own[12])


def ticks_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * os.sysconf("SC_CLK_TCK")


def disturbance(before, after):
    """The part of all CPUs' time between two cpu_times that other processes took."""
    everything, busy, own = (now - then for then, now in zip(before, after))
    return max(0.0, (busy - own) / everything) if everything else 0.0
