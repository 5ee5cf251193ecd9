"""A small RTSP server on the loopback address: H.264 over the connection itself (RFC 2326, 10.12; RFC 6184), for tests.

It sends so many images to each client and then breaks the connection; the clients after the last of the list find the
port closed. It serves one client at a time.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Sequence

_CLOCK = 90_000
_MOST = 1400  # bytes of a packet


class RtspServer:
    """`images` are access units without parameter sets, sent over and over at `rate` a second; `sessions` says how many
    each client gets before it is cut off."""

    def __init__(self, parameters: bytes, images: Sequence[bytes], sessions: Sequence[int], rate: float = 50.0) -> None:
        self._parameters, self._images, self._rate = _units(parameters), [_units(image) for image in images], rate
        self._sessions = list(sessions)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._port = self._socket.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self._port}/live"
        self.clients = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._sessions = []
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while self._sessions:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError, ValueError):
                client.settimeout(10)
                if self._talk(client):
                    self.clients += 1
                    self._send(client, self._sessions.pop(0))
        self._socket.close()

    def _talk(self, client: socket.socket) -> bool:
        """Answer until it wants to play."""
        stream = client.makefile("rb")
        while True:
            line = stream.readline().decode()
            if not line.strip():
                return False
            headers = {}
            while (header := stream.readline().decode().strip()) != "":
                key, _, value = header.partition(":")
                headers[key.lower()] = value.strip()
            method, more, body = line.split()[0], "", ""
            if method == "OPTIONS":
                more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            elif method == "DESCRIBE":
                body = (
                    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=control:*\r\n"
                    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                    "a=control:track1\r\n"
                )
                more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == "SETUP":
                if "interleaved" not in headers.get("transport", ""):
                    client.sendall(f"RTSP/1.0 461 Unsupported Transport\r\nCSeq: {headers['cseq']}\r\n\r\n".encode())
                    continue
                more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            elif method == "PLAY":
                more = "Session: 1\r\n"
            client.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{more}\r\n{body}".encode())
            if method == "PLAY":
                return True

    def _send(self, client: socket.socket, count: int) -> None:
        sequence, start = 0, time.monotonic()
        for number in range(count):
            units = [*self._parameters, *self._images[number % len(self._images)]]
            for index, unit in enumerate(units):
                parts = _parts(unit)
                for part_number, part in enumerate(parts):
                    last = index == len(units) - 1 and part_number == len(parts) - 1
                    stamp = int(number / self._rate * _CLOCK)
                    head = struct.pack(">BBHII", 0x80, 96 | (0x80 if last else 0), sequence & 0xFFFF, stamp, 7)
                    packet = head + part
                    client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
                    sequence += 1
            time.sleep(max(0.0, start + (number + 1) / self._rate - time.monotonic()))


def _units(data: bytes) -> list[bytes]:
    """The NAL units of a byte stream with start codes of four bytes."""
    return [unit for unit in data.split(b"\0\0\0\1") if unit]


def _parts(unit: bytes) -> list[bytes]:
    """A NAL unit as payloads: whole, or in fragments (FU-A, RFC 6184, 5.8)."""
    if len(unit) <= _MOST:
        return [unit]
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    pieces = [unit[1 + at : 1 + at + _MOST] for at in range(0, len(unit) - 1, _MOST)]
    ends = [(0x80 if number == 0 else 0) | (0x40 if number == len(pieces) - 1 else 0) for number in range(len(pieces))]
    return [bytes([indicator, end | kind]) + piece for end, piece in zip(ends, pieces, strict=True)]
