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
    shutil.rmtree(os.path.join(root, "etc"), ignore_errors=True)
    os.makedirs(os.path.join(root, "etc/dnf/modules.d"))
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
    for stream in request["streams"]:
        module, version = stream.split(":")
        with open(os.path.join(root, "etc/dnf/modules.d", module + ".module"), "w") as file:
            file.write(f"[{module}]\nname={module}\nstream={version}\nprofiles=\nstate=enabled\n")
    base.fill_sack(load_system_repo=True)
    base.read_comps(arch_filter=True)
    return base


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
            problems = error.module_depsolv_errors
            if problems and problems[1] != libdnf.module.ModulePackageContainer.ModuleErrorType_ERROR_IN_DEFAULTS:
                refused.append(str(error))
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
        for line in sys.stdin:
            request = json.loads(line)
            if setting != (request["repositories"], request["streams"]):
                if base:
                    base.close()
                base = base_for(request, root)
                setting = (request["repositories"], request["streams"])
            print(json.dumps(answer(base, request)), flush=True)
            if any(text.startswith("@") for text in request["install"]):
                # What a specification enables stays enabled: the next request begins anew.
                setting = None


main()
