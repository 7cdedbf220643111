//! What `rpmbuild` reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::stage::walk;
use super::table::{Package, Source};

/// Files come as they are: neither stripped nor compressed, and with the dependencies that rpm finds in them.
const HEAD: &str = "\
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%global _binary_payload w3.zstdio
%global _source_filedigest_algorithm 8
%global _binary_filedigest_algorithm 8
%global _buildhost laboratory.invalid
%global source_date_epoch_from_changelog 0
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _isa (x86-64)
";

/// `stage` holds a folder for each binary package.
pub(super) fn spec(source: &Source, stage: &Path) -> Result<String> {
    let Source {
        name, version, release, ..
    } = source;
    let mut spec = String::from(HEAD);
    write!(spec, "\nName: {name}\nVersion: {version}\nRelease: {release}\n")?;
    if source.epoch > 0 {
        writeln!(spec, "Epoch: {}", source.epoch)?;
    }
    if let Some(module) = &source.module {
        writeln!(spec, "ModularityLabel: {module}:9060020250601000000:9.6")?;
    }
    write!(
        spec,
        "Summary: {name} of the laboratory\nLicense: see the files\nVendor: Laboratory\n"
    )?;
    // What belongs to the package of the source's own name stands without a name.
    if let Some(main) = source.packages.iter().find(|package| package.name == *name) {
        relations(&mut spec, main)?;
    }
    spec.push_str("\n%description\nFor tests only.\n\n");
    for package in source.packages.iter().filter(|package| package.name != *name) {
        write!(spec, "%package -n {0}\nSummary: {0} of the laboratory\n", package.name)?;
        relations(&mut spec, package)?;
        write!(spec, "\n%description -n {}\nFor tests only.\n\n", package.name)?;
    }
    spec.push_str("%install\n");
    for package in &source.packages {
        let folder = stage.join(&package.name);
        writeln!(spec, "cp -a '{}/.' %{{buildroot}}/", folder.display())?;
    }
    for package in &source.packages {
        spec.push('\n');
        spec.push_str(&package.sections.text.replace("-n {name}", &option(source, package)));
    }
    for package in &source.packages {
        writeln!(spec, "\n%files {}", option(source, package))?;
        files(&mut spec, package, &stage.join(&package.name))?;
    }
    Ok(spec)
}

fn option(source: &Source, package: &Package) -> String {
    if package.name == source.name {
        String::new()
    } else {
        format!("-n {}", package.name)
    }
}

fn relations(spec: &mut String, package: &Package) -> Result<()> {
    if package.noarch {
        spec.push_str("BuildArch: noarch\n");
    }
    for (word, list) in [
        ("Requires", &package.requires),
        ("Recommends", &package.recommends),
        ("Provides", &package.provides),
    ] {
        for item in list {
            writeln!(spec, "{word}: {item}")?;
        }
    }
    Ok(())
}

fn files(spec: &mut String, package: &Package, stage: &Path) -> Result<()> {
    spec.push_str("%defattr(-,root,root,-)\n");
    for (path, words) in &package.folders {
        writeln!(spec, "%dir {words} \"{path}\"")?;
    }
    for (path, words) in &package.ghosts {
        writeln!(spec, "%ghost {words} \"{path}\"")?;
    }
    let special: BTreeSet<&String> = package.ghosts.keys().collect();
    for file in walk(stage)? {
        let path = format!("/{}", file.strip_prefix(stage)?.display());
        if special.contains(&path) {
            continue;
        }
        let words = package.words.get(&path).map_or("", String::as_str);
        let license = if path.starts_with("/usr/share/licenses/") {
            "%license"
        } else {
            ""
        };
        let mode = fs::symlink_metadata(&file)?;
        let link = if mode.is_symlink() { "" } else { words };
        writeln!(spec, "{license} {link} \"{path}\"")?;
    }
    Ok(())
}
