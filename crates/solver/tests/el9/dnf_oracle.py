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
    return base


def answer(base, request):
    base.reset(goal=True)
    base.conf.install_weak_deps = request["weak"]
    try:
        for specification in request["install"]:
            base.install(specification)
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


main()
