//! The lines that matter of a program that talks much: its first and its last ones, without those for its own developers.
//!
//! Keycloak's build that fails tells some thousand lines of debugging before it says why.

use std::collections::VecDeque;
use std::io::{self, BufRead, Write};

/// Lines that go on at once, and the last ones that go on at the end.
const FIRST: usize = 50;
const LAST: usize = 100;
/// Of one line, in bytes; the rest of it is left out.
const LONGEST: usize = 4 << 10;

/// Copies lines until there are no more, and tells in one line of its own how many were left out.
///
/// # Errors
/// Of reading, and of writing: then the rest is read nevertheless, so that whoever writes it is not held up.
pub(super) fn copy(mut from: impl BufRead, mut to: impl Write) -> io::Result<()> {
    let mut kept = Kept::default();
    let mut written = Ok(());
    while let Some(line) = next_line(&mut from)? {
        if let Some(line) = kept.take(line)
            && written.is_ok()
        {
            written = to.write_all(&line).and_then(|()| to.flush());
        }
    }
    written?;
    if kept.left_out > 0 {
        writeln!(to, "({} lines are left out here)", kept.left_out)?;
    }
    for line in kept.last {
        to.write_all(&line)?;
    }
    to.flush()
}

#[derive(Default)]
struct Kept {
    passed: usize,
    last: VecDeque<Vec<u8>>,
    left_out: u64,
}

impl Kept {
    /// Gives the line back when it goes on at once.
    fn take(&mut self, line: Vec<u8>) -> Option<Vec<u8>> {
        if is_for_developers(&line) {
            self.left_out += 1;
            return None;
        }
        if self.passed < FIRST {
            self.passed += 1;
            return Some(line);
        }
        self.last.push_back(line);
        if self.last.len() > LAST {
            self.last.pop_front();
            self.left_out += 1;
        }
        None
    }
}

/// `2026-11-25 07:40:57,017 DEBUG [io.quarkus…] (main) …`
fn is_for_developers(line: &[u8]) -> bool {
    let level = line.split(|byte| *byte == b' ').nth(2);
    line.first().is_some_and(u8::is_ascii_digit) && matches!(level, Some(b"DEBUG" | b"TRACE"))
}

/// With its end, as far as it is not too long.
fn next_line(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let buffer = match from.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let piece = &buffer[..end.unwrap_or(buffer.len())];
        any |= !buffer.is_empty();
        line.extend_from_slice(&piece[..piece.len().min(LONGEST - line.len())]);
        let (used, whole) = (
            piece.len() + usize::from(end.is_some()),
            end.is_some() || buffer.is_empty(),
        );
        from.consume(used);
        if whole {
            line.push(b'\n');
            return Ok(any.then_some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str) -> String {
        let mut to = Vec::new();
        copy(io::BufReader::with_capacity(7, text.as_bytes()), &mut to).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn little_goes_through_as_it_is() {
        assert_eq!(excerpt(""), "");
        assert_eq!(excerpt("a\n\nb"), "a\n\nb\n");
    }

    #[test]
    fn of_much_the_beginning_and_the_end_are_kept_and_nothing_for_developers() {
        let many: String = (0..5000)
            .map(|number| format!("2026-11-25 07:40:57,017 DEBUG [io.quarkus] (main) {number}\n{number}\n"))
            .collect();
        let told = excerpt(&format!("{many}ERROR: this is why\n"));
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), FIRST + 1 + LAST);
        assert_eq!((lines[0], lines[FIRST - 1]), ("0", "49"));
        assert_eq!(
            lines[FIRST],
            format!("({} lines are left out here)", 5000 + 5001 - FIRST - LAST)
        );
        assert_eq!(lines.last(), Some(&"ERROR: this is why"));
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let told = excerpt(&format!("{}\nnext\n", "x".repeat(3 * LONGEST)));
        assert_eq!(told, format!("{}\nnext\n", "x".repeat(LONGEST)));
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_cannot_write_reads_on() {
        let mut from = io::Cursor::new(b"a\nb\nc\n");
        copy(&mut from, Full).unwrap_err();
        assert_eq!(from.position(), 6);
    }
}
