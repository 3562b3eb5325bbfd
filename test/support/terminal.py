"""Runs a command on a terminal of its own: terminal.py [--close] COLUMNS ROWS UNTIL TIMES COMMAND...

Types Ctrl-C when UNTIL has been seen so often, or with --close closes the terminal, and prints, as JSON, all that the
terminal was sent and the exit status.
"""
import fcntl, json, os, pty, struct, sys, termios

closes = sys.argv[1] == '--close'
if closes:
    del sys.argv[1]
columns, rows, until, times = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode(), int(sys.argv[4])
pid, terminal = pty.fork()
if pid == 0:
    # Not before its size is set.
    sys.stdin.readline()
    os.execvp(sys.argv[5], sys.argv[5:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
os.write(terminal, b'\n')
output, typed = b'', False
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    output += chunk
    if not typed and output.count(until) >= times:
        typed = True
        if closes:
            os.close(terminal)
            break
        os.write(terminal, b'\x03')
_, status = os.waitpid(pid, 0)
print(json.dumps({'output': output.decode(), 'status': os.waitstatus_to_exitcode(status)}))
