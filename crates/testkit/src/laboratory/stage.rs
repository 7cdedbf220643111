//! The files of a package, laid out as it will install them.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use fs_err as fs;
use globset::{GlobBuilder, GlobMatcher};

use super::certificates;
use super::table::Package;

/// Fills `root`; `debian` holds the unpacked packages by name.
pub(super) fn stage(package: &Package, debian: &Path, names: &[String], root: &Path) -> Result<()> {
    fs::create_dir_all(root)?;
    let except: Vec<GlobMatcher> = package
        .except
        .iter()
        .map(|pattern| glob(pattern))
        .collect::<Result<_>>()?;
    for rule in &package.take {
        let count = take(rule, &except, debian, names, root)?;
        ensure!(count > 0, "nothing matches `{rule}` of {}", package.name);
    }
    for folder in package.folders.keys() {
        fs::create_dir_all(below(root, folder))?;
    }
    for (path, content) in &package.text {
        put(root, path, content.as_bytes())?;
    }
    for path in package.ghosts.keys() {
        put(root, path, b"")?;
    }
    if let Some(path) = &package.bundle {
        let folder = debian.join("ca-certificates/usr/share/ca-certificates/mozilla");
        put(root, path, certificates::bundle(&folder)?.as_bytes())?;
    }
    for (path, target) in &package.links {
        let path = below(root, path);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        symlink(target, &path).with_context(|| format!("link {}", path.display()))?;
    }
    Ok(())
}

/// `deb:glob > target`.
fn take(rule: &str, except: &[GlobMatcher], debian: &Path, names: &[String], root: &Path) -> Result<usize> {
    let (from, target) = rule.split_once(" > ").context("a rule has `>`")?;
    let (package, pattern) = from.split_once(':').context("a rule has `:`")?;
    let (package, pattern) = (glob(package)?, (glob(pattern)?, literal_folder(pattern)));
    let mut count = 0;
    for name in names.iter().filter(|name| package.is_match(name.as_str())) {
        let base = debian.join(name);
        for path in walk(&base)? {
            let relative = path.strip_prefix(&base)?.to_string_lossy().into_owned();
            if !pattern.0.is_match(&relative) {
                continue;
            }
            let target = if target.ends_with('/') {
                format!("{target}{}", rest(&relative, pattern.1))
            } else {
                target.to_owned()
            };
            if except.iter().any(|except| except.is_match(&target)) {
                continue;
            }
            copy(&path, &below(root, &target))?;
            count += 1;
        }
    }
    Ok(count)
}

/// What of a path comes after the folders that the pattern spells out; where those have alternatives, the file's name.
fn rest<'a>(path: &'a str, folder: &str) -> &'a str {
    match path.strip_prefix(folder) {
        Some(rest) if !folder.is_empty() => rest,
        _ => path.rsplit('/').next().unwrap_or(path),
    }
}

/// `usr/lib/php/` of `usr/lib/php/*.so`; nothing where alternatives come first.
fn literal_folder(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '{', '[']).unwrap_or(pattern.len());
    pattern[..wild].rfind('/').map_or("", |slash| &pattern[..=slash])
}

fn glob(pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    Ok(glob.with_context(|| format!("`{pattern}`"))?.compile_matcher())
}

/// Everything below a folder but folders, in order.
pub(super) fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if fs::symlink_metadata(&path)?.is_dir() {
                pending.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("no folder")?)?;
    let metadata = fs::symlink_metadata(from)?;
    // A later rule may bring what an earlier one has brought.
    if fs::symlink_metadata(to).is_ok() {
        fs::remove_file(to)?;
    }
    if metadata.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else {
        fs::copy(from, to)?;
        let modified = metadata.modified()?;
        fs::OpenOptions::new()
            .write(true)
            .open(to)?
            .into_parts()
            .0
            .set_modified(modified)?;
    }
    Ok(())
}

fn put(root: &Path, path: &str, content: &[u8]) -> Result<()> {
    let path = below(root, path);
    fs::create_dir_all(path.parent().context("no folder")?)?;
    fs::write(&path, content)?;
    Ok(fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?)
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}
