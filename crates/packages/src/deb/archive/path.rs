//! Paths of archive entries: cleaned, or refused.

use super::tar::EntryError;

/// Makes `./usr/bin/x` and `usr/bin/` relative and plain; the root directory becomes the empty path.
pub(super) fn clean(path: &str, longest: usize) -> Result<String, EntryError> {
    if path.is_empty() {
        return Err(EntryError::Path { reason: "empty" });
    }
    if path.len() > longest {
        return Err(EntryError::TooLong { limit: longest });
    }
    if path.starts_with('/') {
        return Err(EntryError::Path { reason: "absolute" });
    }
    if path.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(EntryError::Path {
            reason: "one with control characters",
        });
    }
    let path = if path == "." {
        ""
    } else {
        path.strip_prefix("./").unwrap_or(path)
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(String::new());
    }
    for part in path.split('/') {
        match part {
            ".." => {
                return Err(EntryError::Path {
                    reason: "one that leads out by `..`",
                });
            }
            "" | "." => {
                return Err(EntryError::Path {
                    reason: "one with empty parts",
                });
            }
            _ => {}
        }
    }
    Ok(path.to_owned())
}

/// A symbolic link's target stays as it is written: where it leads is decided where it stands.
pub(super) fn check_target(target: &str, longest: usize) -> Result<(), EntryError> {
    if target.is_empty() {
        return Err(EntryError::Target { reason: "empty" });
    }
    if target.len() > longest {
        return Err(EntryError::TooLong { limit: longest });
    }
    if target.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(EntryError::Target {
            reason: "one with control characters",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned_or_refused() {
        for (path, cleaned) in [
            ("./usr/bin/x", "usr/bin/x"),
            ("usr/", "usr"),
            ("./", ""),
            (".", ""),
            ("a..b", "a..b"),
        ] {
            assert_eq!(clean(path, 100).unwrap(), cleaned);
        }
        for path in [
            "", "/", "/etc", "..", "../x", "./../x", "a/../b", "a/..", "a//b", "./.", "././a", "a/./b", "//", "a\0b",
            "a\nb",
        ] {
            assert!(clean(path, 100).is_err(), "{path:?}");
        }
        assert!(matches!(
            clean(&"x".repeat(101), 100),
            Err(EntryError::TooLong { limit: 100 })
        ));
    }
}
