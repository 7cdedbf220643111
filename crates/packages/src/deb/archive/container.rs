//! The outer `ar` archive of a `.deb` (`deb(5)`).

use super::ArchiveError;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;
/// Most members; a package has three, and signatures beside them.
const MOST: usize = 64;

/// A member that holds a tar archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// `control.tar.xz`, `data.tar.zst`, …
    pub(super) name: &'a str,
    pub(super) bytes: &'a [u8],
}

/// Finds the two members that matter; those whose name begins with an underscore are passed over, as the format says.
pub(super) fn members(bytes: &[u8]) -> Result<(Member<'_>, Member<'_>), ArchiveError> {
    let refused = |reason| ArchiveError::Container { reason };
    let mut rest = bytes
        .strip_prefix(MAGIC)
        .ok_or(refused("it does not begin as an ar archive"))?;
    let version = next(&mut rest)?.ok_or(refused("it is empty"))?;
    if version.name != "debian-binary" {
        return Err(refused("its first member is not `debian-binary`"));
    }
    if !version.bytes.starts_with(b"2.") {
        return Err(refused("its format version is not 2"));
    }
    let mut control = None;
    for _ in 0..MOST {
        let member = next(&mut rest)?.ok_or(refused("it ends before its `data.tar`"))?;
        if member.name.starts_with('_') {
            continue;
        }
        match control {
            None if member.name.starts_with("control.tar") => control = Some(member),
            Some(control) if member.name.starts_with("data.tar") => {
                return if nothing_follows(rest)? {
                    Ok((control, member))
                } else {
                    Err(refused("something follows its `data.tar`"))
                };
            }
            _ => return Err(refused("its members are not `control.tar` and `data.tar`")),
        }
    }
    Err(refused("it has too many members"))
}

fn nothing_follows(mut rest: &[u8]) -> Result<bool, ArchiveError> {
    while let Some(member) = next(&mut rest)? {
        if !member.name.starts_with('_') {
            return Ok(false);
        }
    }
    Ok(true)
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<Member<'a>>, ArchiveError> {
    let refused = |reason| ArchiveError::Container { reason };
    if rest.is_empty() {
        return Ok(None);
    }
    let (header, after) = rest
        .split_at_checked(HEADER)
        .ok_or(refused("a member's header is cut off"))?;
    if !header.ends_with(b"`\n") {
        return Err(refused("a member's header is damaged"));
    }
    let field = |range: std::ops::Range<usize>| str::from_utf8(&header[range]).map(str::trim_ascii_end);
    let name = field(0..16).map_err(|_| refused("a member's name is not text"))?;
    let size = field(48..58)
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let size: usize = size
        .and_then(|digits| digits.parse().ok())
        .ok_or(refused("a member's size is no number"))?;
    let (bytes, after) = after
        .split_at_checked(size)
        .ok_or(refused("it is cut off: a member is longer than what is left"))?;
    // Members begin at even positions; the last one's padding may be missing.
    *rest = if size % 2 == 1 {
        after.get(1..).unwrap_or(&[])
    } else {
        after
    };
    Ok(Some(Member {
        name: name.strip_suffix('/').unwrap_or(name),
        bytes,
    }))
}
