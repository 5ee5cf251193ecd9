"""Running a program behind the set_env.sh files that CANN and the SDK come with."""

import os

# Arguments, never text of the script, carry names: how many files, the files, the command. What the files do with the
# positional parameters, or with variables of common names, must not matter. Their exit status says nothing. They like
# to leave an empty entry in PYTHONPATH (X:$PYTHONPATH), by which Python would run modules of the current folder.
SOURCE_AND_RUN = """
_ays_count=$1; shift
_ays_files=("${@:1:_ays_count}"); shift "$_ays_count"
_ays_command=("$@"); set --
for _ays_file in "${_ays_files[@]}"; do . "$_ays_file" >&2; done
_ays_path=":${PYTHONPATH-}:"
while [[ $_ays_path = *::* ]]; do _ays_path=${_ays_path//::/:}; done
_ays_path=${_ays_path#:}; export PYTHONPATH=${_ays_path%:}
exec "${_ays_command[@]}"
"""


def in_environment(files, command):
    """The argument list that sources the files, whose output goes to stderr, and becomes the command."""
    paths = [os.path.abspath(os.path.expanduser(path)) for path in files]
    names = [os.path.expanduser(command[0])] + list(command[1:])
    return ["bash", "--noprofile", "--norc", "-c", SOURCE_AND_RUN, "bash", str(len(paths))] + paths + names
