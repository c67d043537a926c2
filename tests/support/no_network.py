"""Nothing that runs here may need the network: connections that leave this machine fail at once, with this reason."""
import ipaddress, socket

REASON = 'tests and notebooks run without network'


class NetworkBlocked(OSError): "Raised in place of a connection to another machine"


def leaves_this_machine(address) -> bool:  # what socket.connect takes: (host, port, ...) or the path of a local socket
    if not isinstance(address, tuple): return False
    host = address[0]
    if host in ('', 'localhost'): return False
    try: return not ipaddress.ip_address(host.partition('%')[0]).is_loopback
    except ValueError: return True  # a name


def block() -> None:
    "From now on this process reaches only itself and its neighbors on the loopback"
    def guard(real):
        def connect(self, address):
            if leaves_this_machine(address): raise NetworkBlocked(f'connection to {address}: {REASON}')
            return real(self, address)
        connect.blocked = True
        return connect

    def resolve(host, *args, real=socket.getaddrinfo, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name and leaves_this_machine((name, 0)): raise NetworkBlocked(f'look-up of {name}: {REASON}')
        return real(host, *args, **kwargs)

    if getattr(socket.socket.connect, 'blocked', False): return
    socket.socket.connect = guard(socket.socket.connect)
    socket.socket.connect_ex = guard(socket.socket.connect_ex)
    socket.getaddrinfo = resolve
