"""Kernels that start at once: a process that has imported what every notebook imports, and forks for each of them.

    python tools/warm_kernel.py serve SOCKET       # the process that waits; run_notebooks.py starts it
    python -S tools/warm_kernel.py start SOCKET CONNECTION_FILE    # stands for one kernel and ends with it

Of 150 notebooks each one would spend five to six seconds of processor time on importing torch and Jupyter. Only
libraries are imported ahead, never fastlearn itself, so what a notebook says about its imports stays true. Linux only:
elsewhere forking a process that has loaded these libraries is not safe.
"""
import array, atexit, json, os, select, signal, socket, sys

# torch imports `torch._dynamo` when the first optimizer is made, which takes a second
AHEAD = ('torch', 'torch.utils.data', 'torch._dynamo', 'numpy', 'scipy.stats', 'PIL.Image', 'matplotlib.figure',
         'matplotlib.backends.backend_agg', 'ipykernel.kernelapp', 'ipykernel.ipkernel', 'ipykernel.zmqshell',
         'ipywidgets', 'anywidget', 'fastcore.test')


def become_kernel(asked: dict, streams: list[int]) -> None:
    "In the forked process: take over the folder, environment and streams of the process that asks, and be its kernel"
    os.setsid()
    for ours, theirs in zip((0, 1, 2), streams): os.dup2(theirs, ours)
    os.chdir(asked['folder'])
    os.environ.clear()
    os.environ.update(asked['environment'])
    watcher = f'--IPKernelApp.parent_handle={os.getppid()}'  # the kernel ends when it is gone
    sys.argv = ['ipykernel_launcher', '-f', asked['connection_file'], watcher, *asked['options']]
    sys.path[:] = ['', *(path for path in sys.path[1:] if path)]
    from ipykernel.kernelapp import IPKernelApp
    IPKernelApp.launch_instance()
    atexit._run_exitfuncs()  # not sys.exit: it would wait for IPython's thread, which one of these functions ends
    os._exit(0)


def serve(path: str) -> None:
    "Import, say that it is ready, then fork for each connection, one watcher and one kernel, until standard input ends"
    import importlib
    os.environ['MPLBACKEND'] = 'module://matplotlib_inline.backend_inline'  # as in every kernel
    for name in AHEAD: importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no watcher is waited for
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen()
        print('ready', flush=True)
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:  # it ends with the one that started us
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                os._exit(watch(connection))
            connection.close()


def watch(connection: socket.socket) -> int:
    "Fork the kernel, tell its number, and its exit status when it has ended; kill it if the asking process is gone"
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    data, ancillary, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(12))
    streams = array.array('i', ancillary[0][2]).tolist()
    kernel = os.fork()
    if kernel == 0:
        connection.close()
        become_kernel(json.loads(data), streams)
    for stream in streams: os.close(stream)
    connection.sendall(f'{kernel}'.encode())
    ended = os.pidfd_open(kernel)
    if ended not in select.select([ended, connection], [], [])[0]: os.killpg(kernel, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1])
    try: connection.sendall(f'{status}'.encode())
    except OSError: pass
    return 0


def start(path: str, connection_file: str, options: list[str]) -> int:
    "Ask for a kernel; stand for it: pass signals on, end when it ends and with its exit status"
    asked = {'folder': os.getcwd(), 'environment': dict(os.environ), 'connection_file': connection_file,
             'options': options}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
        kernel = int(connection.recv(100))
        for number in signal.SIGINT, signal.SIGTERM: signal.signal(number, lambda number, _: os.kill(kernel, number))
        parent = os.getppid()
        while not select.select([connection], [], [], 1)[0]:
            if os.getppid() != parent: return 1  # as a kernel ends when the process that asked for it is gone
        return int(connection.recv(100) or 1) & 255


if __name__ == '__main__':
    what, path, *rest = sys.argv[1:]
    sys.exit(serve(path) if what == 'serve' else start(path, rest[0], rest[1:]))
