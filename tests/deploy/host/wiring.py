"""Pipeline texts from chains of element names, and streams that run them."""

import json
from contextlib import contextmanager

from deploy.host.api import MxDataInput, StreamManagerApi

NAME = b"s"


def pipeline(*chains, **props):
    """pipeline("appsrc0 tee0 queue0 appsink0", "tee0 appsink1:0", queue0={...}): a JSON text with one stream.

    An element's factory is its name without the number; where chains meet, `name:port` says the input port.
    """
    elements = {}
    for chain in chains:
        links = chain.split()
        for number, link in enumerate(links):
            name = link.partition(":")[0]
            element = elements.setdefault(name, {"factory": name.rstrip("0123456789")})
            if name in props:
                element["props"] = props[name]
            if number + 1 < len(links) and links[number + 1] not in element.get("next", []):
                element.setdefault("next", []).append(links[number + 1])
    return json.dumps({NAME.decode(): elements}).encode()


@contextmanager
def running(*chains, numerics="float", **props):
    """The manager of a running stream NAME."""
    manager = StreamManagerApi()
    manager.SetNumerics(numerics)
    assert manager.InitManager() == 0
    assert manager.CreateMultipleStreams(pipeline(*chains, **props)) == 0, manager.LastError()
    try:
        yield manager
    finally:
        manager.DestroyAllStreams()


def refused(*chains, **props):
    """(code, sentence) with which a stream is not created."""
    manager = StreamManagerApi()
    manager.InitManager()
    return manager.CreateMultipleStreams(pipeline(*chains, **props)), manager.LastError()


def send(manager, data, source=0):
    entry = MxDataInput()
    entry.data = data
    assert manager.SendData(NAME, source, entry) == 0, manager.LastError()


def fetch(manager, sink=0, timeout=5000):
    """(code, data) of the next result."""
    result = manager.GetResult(NAME, sink, timeout)
    return result.errorCode, result.data
