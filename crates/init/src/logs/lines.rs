//! From bytes to lines, however they were cut on the way; none is longer than [`LONGEST_LINE`].

/// A longer one comes out in parts.
pub const LONGEST_LINE: usize = 64 << 10;

/// What a piece is of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// The line was too long: there is more, or this is more of it.
    Piece {
        last: bool,
    },
}

#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    /// The line that is being gathered has already been given out in part.
    split: bool,
    /// Skip to the next line's beginning: what is between was dropped.
    skipping: bool,
}

impl Lines {
    pub fn feed(&mut self, mut bytes: &[u8], mut give: impl FnMut(&[u8], Part)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.partial.is_empty() {
                self.give_parts(line, true, &mut give);
            } else {
                self.partial.extend_from_slice(line);
                let whole = std::mem::take(&mut self.partial);
                self.give_parts(&whole, true, &mut give);
                self.partial = whole;
                self.partial.clear();
                self.partial.shrink_to(4096);
            }
        }
        if !self.skipping && !bytes.is_empty() {
            self.partial.extend_from_slice(bytes);
            if self.partial.len() > LONGEST_LINE {
                let whole = std::mem::take(&mut self.partial);
                let given = self.give_parts(&whole, false, &mut give);
                self.partial = whole[given..].to_vec();
            }
        }
    }

    /// The stream has ended, perhaps in the middle of a line.
    pub fn finish(&mut self, mut give: impl FnMut(&[u8], Part)) {
        if !self.partial.is_empty() {
            let rest = std::mem::take(&mut self.partial);
            self.give_parts(&rest, true, &mut give);
        }
    }

    /// Counts the lines in `bytes` instead of giving them; one that goes on counts where it is first dropped.
    pub fn drop(&mut self, bytes: &[u8]) -> u64 {
        let Some(last) = bytes.last() else {
            return 0;
        };
        let goes_on = *last != b'\n';
        let counted = std::mem::replace(&mut self.skipping, goes_on);
        self.partial.clear();
        self.split = false;
        count(bytes) + u64::from(goes_on) - u64::from(counted)
    }

    /// How much of `line` was given.
    fn give_parts(&mut self, line: &[u8], complete: bool, give: &mut impl FnMut(&[u8], Part)) -> usize {
        let mut rest = line;
        while rest.len() > LONGEST_LINE {
            let (piece, remaining) = rest.split_at(cut(rest));
            give(piece, Part::Piece { last: false });
            self.split = true;
            rest = remaining;
        }
        if complete {
            let part = if std::mem::take(&mut self.split) {
                Part::Piece { last: true }
            } else {
                Part::Whole
            };
            give(rest, part);
            return line.len();
        }
        line.len() - rest.len()
    }
}

/// How many lines end in `bytes`.
pub fn count(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').count() as u64 - 1
}

/// Not in the middle of a UTF-8 character.
fn cut(line: &[u8]) -> usize {
    let continuation = |index: &usize| line[*index] & 0xc0 == 0x80;
    let back = (LONGEST_LINE - 3..=LONGEST_LINE)
        .rev()
        .find(|index| !continuation(index));
    back.unwrap_or(LONGEST_LINE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<(Vec<u8>, Part)> {
        let mut lines = Lines::default();
        let mut given = Vec::new();
        for chunk in chunks {
            lines.feed(chunk, |line, part| given.push((line.to_vec(), part)));
        }
        lines.finish(|line, part| given.push((line.to_vec(), part)));
        given
    }

    #[test]
    fn a_line_that_arrives_in_pieces_is_one_line_and_the_last_needs_no_end() {
        let given = split(&[b"ab", b"c\n\nd", b"", b"e"]);
        let texts: Vec<&[u8]> = given.iter().map(|(line, _)| line.as_slice()).collect();
        assert_eq!(texts, [b"abc".as_slice(), b"", b"de"]);
        assert!(given.iter().all(|(_, part)| *part == Part::Whole));
    }

    #[test]
    fn a_line_that_is_too_long_comes_in_flagged_parts_cut_between_characters() {
        let long = "é".repeat(LONGEST_LINE);
        let text = format!("x{long}\nshort\n");
        let given = split(&[text.as_bytes()]);
        assert_eq!(given.len(), 4);
        assert_eq!(given[0].1, Part::Piece { last: false });
        assert_eq!(given[2].1, Part::Piece { last: true });
        assert_eq!(given[3], (b"short".to_vec(), Part::Whole));
        assert!(
            given
                .iter()
                .all(|(line, _)| std::str::from_utf8(line).is_ok() && line.len() <= LONGEST_LINE)
        );
    }

    #[test]
    fn dropped_lines_are_counted_and_what_follows_begins_with_a_whole_line() {
        let mut lines = Lines::default();
        lines.feed(b"begun ", |_, _| unreachable!());
        assert_eq!(lines.drop(b"and lost\nlost\npart"), 3);
        assert_eq!(lines.drop(b"of "), 0);
        assert_eq!(lines.drop(b"one\n"), 0);
        assert_eq!(lines.drop(b"half"), 1);
        let mut given = Vec::new();
        lines.feed(b" line\nwhole\n", |line, _| given.push(line.to_vec()));
        assert_eq!(given, [b"whole"]);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_does_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(split(&chunks), split(&[&bytes]));
        }
    }
}
