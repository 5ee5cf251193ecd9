"""The folder on the board: releases, of which a link names the current one, and images by their hash.

releases/000007-0123456789ab/   deploy, compute_mAP, run.sh, bundle, manifest.json
current, previous               links to a release, switched by renaming
images/<sha256>               what runs read
parts/<sha256>                  what has arrived of a file that is on its way
runs/                           the results of the run under way
lock                            held by the one program that may write
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import time

from deploy.board.remote.files import (
    checked_hash,
    checked_path,
    copy_verified,
    free_bytes,
    full,
    sha256,
)
from deploy.board.remote.wire import Fault

MARK = ".pushed-by-ascend-yolo-slim"
MANIFEST = "manifest.json"
FAILED = ".failed"
MARGIN = 32 << 20
"""Bytes that stay free."""
LOCK_SECONDS = 10
"""A connection that broke a moment ago may still be held by its program on the board."""


class Store:
    """Raises Fault for a folder that is somebody else's, and while another push is under way."""

    def __init__(self, root):
        self.root = os.path.realpath(os.path.join(os.path.expanduser("~"), os.path.expanduser(root)))
        self._files = []
        self._staging = ""
        self._bad = []
        mark = os.path.join(self.root, MARK)
        if os.path.isdir(self.root) and os.listdir(self.root) and not os.path.isfile(mark):
            raise Fault(
                "usage",
                "%s on the board exists and was not made by push; name another folder with --dir" % self.root,
            )
        try:
            for name in ("", "releases", "pictures", "parts", "runs"):
                os.makedirs(self.path(name), mode=0o750, exist_ok=True)
            open(mark, "ab").close()
            self._lock = open(self.path("lock"), "ab")
        except OSError as fault:
            raise full(fault, self.root)
        self._take_lock()

    def path(self, *names):
        return os.path.join(self.root, *names)

    def _take_lock(self):
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() > until:
                    raise Fault("environment", "another push to %s is under way on the board" % self.root)
                time.sleep(0.1)

    # --- what is there, and what is missing -----------------------------------------------------------------------

    def plan(self, area, files):
        """Prepare for `files`, [path, sha256, size] each: a release ("release") or images ("pictures").

        What is on the board already is taken from there. Returns {"need": [[number, bytes that are there]], "free",
        "missing": bytes, "same": the current release where it is these very files}.
        """
        self._files, self._bad = [], []
        listed = [(checked_path(path), checked_hash(digest), int(size)) for path, digest, size in files]
        if area == "release":
            same = self.current()
            if same and self._holds(same, listed):
                return {"need": [], "free": free_bytes(self.root), "missing": 0, "same": same}
            self._stage(listed)
        elif area == "pictures":
            self._files = [(self.path("pictures", digest), digest, size) for _, digest, size in listed]
        else:
            raise Fault("usage", "there is no area %r" % (area,))
        need = []
        for number, (target, digest, size) in enumerate(self._files):
            if os.path.islink(target) or sha256(target) != digest:
                need.append([number, self._arrived(digest, size)])
        missing = sum(self._files[number][2] - offset for number, offset in need)
        free = free_bytes(self.root)
        if missing and missing + MARGIN > free:
            raise Fault(
                "environment",
                "the board's disk is too full: %d MB are missing there, %d MB are free in %s; make room and push again"
                % ((missing + MARGIN) >> 20, free >> 20, self.root),
            )
        return {"need": need, "free": free, "missing": missing, "same": ""}

    def _stage(self, listed):
        """Fill the folder of the coming release with whatever of it lies in other ones."""
        self._listed = listed
        manifest = {path.replace(os.sep, "/"): [digest, size] for path, digest, size in listed}
        text = json.dumps({"schema_version": 1, "files": manifest}, sort_keys=True)
        self._staging = self.path("releases", ".new-" + _digest(text))
        self._files = [(os.path.join(self._staging, path), digest, size) for path, digest, size in listed]
        sources = self._sources()
        try:
            os.makedirs(self._staging, mode=0o750, exist_ok=True)
            with open(os.path.join(self._staging, MANIFEST), "w") as stream:
                stream.write(text)
            for target, digest, _ in self._files:
                os.makedirs(os.path.dirname(target), mode=0o750, exist_ok=True)
                if sha256(target) != digest:
                    any(copy_verified(source, target, digest) for source in sources.get(digest, ()))
        except OSError as fault:
            raise full(fault, self._staging)

    def _sources(self):
        """Files of all releases by the hash that their manifests give them."""
        sources = {}  # type: dict
        for name in sorted(os.listdir(self.path("releases"))):
            for path, (digest, _) in self._manifest(name).items():
                sources.setdefault(digest, []).append(self.path("releases", name, path))
        return sources

    def _manifest(self, release):
        try:
            with open(self.path("releases", release, MANIFEST)) as stream:
                return {checked_path(path): entry for path, entry in json.load(stream)["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _holds(self, release, listed):
        there = self._manifest(release)
        if sorted(there) != sorted(path for path, _, _ in listed):
            return False
        return all(sha256(self.path("releases", release, path)) == digest for path, digest, _ in listed)

    def _arrived(self, digest, size):
        part = self.path("parts", digest)
        if os.path.islink(part) or not os.path.isfile(part):
            return 0
        return min(os.path.getsize(part), size)

    # --- what arrives ---------------------------------------------------------------------------------------------

    def put(self, number, offset, pieces):
        """Write the bytes of file `number` from `offset` on. A file whose hash is wrong at the end is dropped."""
        target, digest, _ = self._files[number]
        part = self.path("parts", digest)
        try:
            with open(part, "r+b" if os.path.isfile(part) else "wb") as stream:
                stream.truncate(offset)
                stream.seek(offset)
                for piece in pieces:
                    stream.write(piece)
            if sha256(part) == digest:
                os.replace(part, target)
                os.chmod(target, 0o640)
            else:
                os.unlink(part)
                self._bad.append(number)
        except OSError as fault:
            raise full(fault, target)

    def received(self):
        """The numbers of the files that arrived broken since the last call."""
        bad, self._bad = self._bad, []
        return {"bad": bad}

    # --- switching ------------------------------------------------------------------------------------------------

    def commit(self):
        """Make the staged files the current release. The release before it is kept, unless a run of it failed and an
        older one is kept already."""
        for target, _, size in self._files:
            if not os.path.isfile(target) or os.path.getsize(target) != size:
                raise Fault("data", "%s did not arrive" % target)
        numbers = [int(name[:6]) for name in os.listdir(self.path("releases")) if _is_release(name)]
        release = "%06d-%s" % (max(numbers or [0]) + 1, os.path.basename(self._staging)[len(".new-") :])
        before = self.current()
        try:
            os.sync()
            os.rename(self._staging, self.path("releases", release))
            self._point("current", release)
            if before and (not self._failed(before) or not self.previous()):
                self._point("previous", before)
            os.sync()
        except OSError as fault:
            raise full(fault, release)
        self._tidy()
        return {"release": release, "previous": self.previous()}

    def rollback(self):
        """Make the release before the current one; a second time undoes it."""
        before, current = self.previous(), self.current()
        if not before or before == current:
            raise Fault("environment", "there is no release to go back to in %s on the board" % self.root)
        manifest = self._manifest(before)
        if not manifest or not all(
            sha256(self.path("releases", before, path)) == entry[0] for path, entry in manifest.items()
        ):
            raise Fault("data", "the release %s was changed on the board; push it again instead" % before)
        self._point("current", before)
        if current:
            self._point("previous", current)
        return {"release": before, "previous": current}

    def current(self):
        return self._pointed("current")

    def previous(self):
        return self._pointed("previous")

    def mark(self, release, failed):
        """Remember whether the last run of a release failed."""
        mark = self.path("releases", release, FAILED)
        if failed:
            open(mark, "ab").close()
        elif os.path.exists(mark):
            os.unlink(mark)

    def _failed(self, release):
        return os.path.exists(self.path("releases", release, FAILED))

    def _pointed(self, name):
        """The release that a link names, "" where it names none that is there."""
        try:
            release = os.path.basename(os.readlink(self.path(name)))
        except OSError:
            return ""
        return release if _is_release(release) and os.path.isdir(self.path("releases", release)) else ""

    def _point(self, name, release):
        """A rename replaces the old link, so that there is one at every moment."""
        new = self.path(".%s.new" % name)
        if os.path.lexists(new):
            os.unlink(new)
        os.symlink(os.path.join("releases", release), new)
        os.replace(new, self.path(name))

    def _tidy(self):
        kept = (self.current(), self.previous())
        for name in os.listdir(self.path("releases")):
            if name not in kept and (_is_release(name) or name.startswith(".new-")):
                shutil.rmtree(self.path("releases", name), ignore_errors=True)
        for name in os.listdir(self.path("parts")):
            os.unlink(self.path("parts", name))


def _is_release(name):
    return bool(re.match(r"\d{6}-[0-9a-f]{12}\Z", name))


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]
