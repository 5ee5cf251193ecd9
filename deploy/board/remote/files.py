"""Files by their SHA-256: checked names, hashes, copies that are verified while they are made."""

import errno
import hashlib
import os
import re
import shutil

from deploy.board.remote.wire import Fault

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def checked_path(path):
    """A relative path that stays in its folder, or a Fault."""
    parts = path.split("/") if isinstance(path, str) else [""]
    if any(part in ("", ".", "..") for part in parts) or "\0" in path or "\\" in path:
        raise Fault("usage", "the path %r does not stay in its folder" % (path,))
    return os.path.join(*parts)


def checked_hash(digest):
    if not isinstance(digest, str) or not re.match(r"[0-9a-f]{64}\Z", digest):
        raise Fault("usage", "%r is no SHA-256" % (digest,))
    return digest


def sha256(path):
    """The hash of a regular file, "" where there is none."""
    if os.path.islink(path) or not os.path.isfile(path):
        return ""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def copy_verified(source, target, expected):
    """Copy a file; False, and no target, where it is not the one that is expected."""
    partial = target + ".part"
    try:
        if sha256(source) != expected:
            return False
        shutil.copyfile(source, partial)
        if sha256(partial) != expected:
            return False
        os.replace(partial, target)
        return True
    except OSError as fault:
        raise full(fault, target)
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)


def full(fault, path):
    """The Fault for an OSError while writing: the disk is full, or whatever else it says."""
    if fault.errno in FULL:
        return Fault(
            "environment",
            "the board's disk is full, or its limit of file sizes reached, while %s was written (%s); make room there "
            "and push again, which goes on where this stopped; what ran before is untouched" % (path, fault.strerror),
        )
    return Fault("environment", "%s on the board: %s" % (path, fault.strerror or fault))


def free_bytes(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
