"""Small pipelines for the rules of the check, written as chains of elements."""

import json

from deploy.host.catalog import CATALOG
from deploy.host.check.run import check

INFER = {"modelPath": "m.om"}
POST = {"postProcessConfigPath": "c.cfg", "labelPath": "l.names", "postProcessLibPath": "libyolov3postprocess.so"}
OLD = {**INFER, **POST, "postProcessLibPath": "libMpYOLOv3PostProcessor.so"}


def stream(chains, device="0", **props):
    """A stream of chains such as "appsrc0 > imageresize0:1; ...".

    An element's name is that of its factory, the SDK's without mxpi_, and a digit. `props` are those of elements.
    """
    elements = {}
    for chain in chains.split(";"):
        parts = [part.strip() for part in chain.split(">")]
        for part, target in zip(parts, [*parts[1:], None]):
            name = part.split(":")[0]
            stem = name[:-1]
            factory = stem if stem in CATALOG or f"mxpi_{stem}" not in CATALOG else f"mxpi_{stem}"
            element = elements.setdefault(name, {"factory": factory})
            if target and target not in element.setdefault("next", []):
                element["next"].append(target)
    for name, values in props.items():
        elements[name]["props"] = values
    return {"s": {**({"stream_config": {"deviceId": device}} if device else {}), **elements}}


def errors_of(document, tmp_path, **options):
    """(code, sentence) of each error but of files that are missing."""
    file = tmp_path / "x.pipeline"
    file.write_text(document if isinstance(document, str) else json.dumps(document, indent=1))
    report = check([file], **options)
    found = [one for _, _, findings in report.files for one in findings]
    return [(one.code, one.sentence) for one in found if one.severity == "error" and one.code != 1016]


def warnings_of(document, tmp_path, **options):
    file = tmp_path / "x.pipeline"
    file.write_text(json.dumps(document, indent=1))
    report = check([file], **options)
    return [one.sentence for _, _, found in report.files for one in found if one.severity == "warning"]
