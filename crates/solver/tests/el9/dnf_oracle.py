#!/usr/bin/python3
"""Asks dnf.  Reads a line of JSON for each request, {"repositories": [[name, folder, priority]], "streams": [...], "install": [...], "weak": bool},
and answers with a line: {"packages": [...]} or {"error": "..."}.  Requests with equal repositories and streams follow each other."""
import json
import os
import shutil
import sys
import tempfile

import dnf
import dnf.module.module_base
import libdnf


def base_for(request, root):
    base = dnf.Base()
    conf = base.conf
    conf.installroot = root
    conf.cachedir = os.path.join(root, "cache")
    conf.persistdir = os.path.join(root, "persist")
    conf.reposdir = ["/nonexistent"]
    conf.module_platform_id = "platform:el9"
    conf.best = True
    conf.gpgcheck = False
    # How many kernels a machine keeps is about what is installed; an image has those that were asked for.
    conf.installonly_limit = 0
    conf.substitutions["arch"] = "x86_64"
    conf.substitutions["basearch"] = "x86_64"
    conf.substitutions["releasever"] = "9"
    for name, folder, priority in request["repositories"]:
        base.repos.add_new_repo(name, conf, baseurl=["file://" + folder], priority=priority)
    base.fill_sack(load_system_repo=True)
    base.read_comps(arch_filter=True)
    return base


def base_with_streams(request, root):
    """With the streams enabled as `dnf module enable` does, which saves them for the `dnf install` that follows; or why it does not."""
    shutil.rmtree(os.path.join(root, "etc"), ignore_errors=True)
    os.makedirs(os.path.join(root, "etc/dnf/modules.d"))
    base = base_for(request, root)
    if not request["streams"]:
        return base, None
    try:
        dnf.module.module_base.ModuleBase(base).enable(request["streams"])
    except dnf.exceptions.MarkingErrors as error:
        problems = error.module_depsolv_errors
        is_refusal = problems and problems[1] != libdnf.module.ModulePackageContainer.ModuleErrorType_ERROR_IN_DEFAULTS
        if error.no_match_group_specs or error.error_group_specs or is_refusal:
            base.close()
            return None, "not enabled: " + str(error)
    base._moduleContainer.save()
    base.close()
    return base_for(request, root), None


def mark(base, specifications):
    """As `dnf install` takes them: streams' profiles first, then groups, then packages."""
    groups = [text[1:] for text in specifications if text.startswith("@")]
    refused = []
    if groups:
        unknown = []
        try:
            dnf.module.module_base.ModuleBase(base).install(groups, True)
        except dnf.exceptions.MarkingErrors as error:
            unknown = list(error.no_match_group_specs or [])
            refused = list(error.error_group_specs or [])
            # That builds contradict each other is no refusal by itself: a stream that is not in use for that is.
        # As `dnf` itself has it, where nobody configured otherwise.
        refused += [f"switch of {module}" for module in dict(base._moduleContainer.getSwitchedStreams())]
        base._install_groups(unknown, base._categorize_specs([], [])[1], refused, True)
    for text in specifications:
        if not text.startswith("@"):
            base.install(text)
    if refused:
        raise dnf.exceptions.Error("refused: " + ", ".join(refused))


def answer(base, request):
    base.reset(goal=True)
    base.conf.install_weak_deps = request["weak"]
    try:
        mark(base, request["install"])
        base.resolve()
    except dnf.exceptions.Error as error:
        return {"error": str(error)}
    packages = []
    for package in base.transaction.install_set:
        epoch = f"{package.epoch}:" if package.epoch else ""
        packages.append(f"{package.name}-{epoch}{package.version}-{package.release}.{package.arch}")
    return {"packages": sorted(packages)}


def main():
    with tempfile.TemporaryDirectory() as root:
        base = None
        setting = None
        refusal = None
        for line in sys.stdin:
            request = json.loads(line)
            if setting != (request["repositories"], request["streams"]):
                if base:
                    base.close()
                base, refusal = base_with_streams(request, root)
                setting = (request["repositories"], request["streams"])
            print(json.dumps(answer(base, request) if base else {"error": refusal}), flush=True)
            if base and any(text.startswith("@") for text in request["install"]):
                # What a specification enables stays enabled: the next request begins anew.
                setting = None


main()
