"""Runs a command on a terminal of its own: `terminal.py <columns> <rows> <command> …`. What the command prints goes to
standard output; what comes in on standard input is typed. Ends with the command's exit code."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios

columns, rows, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
typing = [sys.stdin.fileno()]
while True:
    ready, _, _ = select.select([terminal, *typing], [], [])
    if terminal in ready:
        try:
            printed = os.read(terminal, 65536)
        except OSError:  # it has been closed: the command has ended
            break
        if not printed:
            break
        os.write(1, printed)
    elif typing:
        typed = os.read(typing[0], 1024)
        if not typed:
            typing = []
        else:
            os.write(terminal, typed)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
