//! Takes the entries of a package's lists, many at a time: most were written before in these very words.

use super::ahead::{Entry, Marked};
use super::entry::{PlainEntry, plain_entry};
use super::{Fault, List, Mark, PrimaryParser, Scanner};

/// Entries that are looked up at a time.
const MOST_AHEAD: usize = 32;

/// The piece that is read.
pub(super) struct Piece<'t> {
    pub(super) scanner: Scanner<'t>,
    pub(super) text: &'t str,
    pub(super) marked: &'t Marked,
    /// The next of those.
    pub(super) next: usize,
    /// Room for those that are looked up.
    pub(super) ahead: Vec<Ahead<'t>>,
}

/// An entry that is looked up before its turn.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'t> {
    start: usize,
    length: usize,
    mark: Mark,
    known: Option<u32>,
    /// What it says, where it is not known and written as most are; and what the name is known by.
    plain: Option<(PlainEntry<'t>, Mark)>,
}

impl PrimaryParser {
    /// Takes the entries that come next, as far as each is whole; false where there is none.
    pub(super) fn entries(&mut self, piece: &mut Piece<'_>, list: List) -> Result<bool, Fault> {
        let begin = piece.scanner.position();
        let marked = piece.marked.from(&mut piece.next, begin);
        if marked.first().is_none_or(|entry| entry.start as usize != begin) {
            return Ok(false);
        }
        self.look_ahead(piece.text, marked, list, &mut piece.ahead);
        let scanner = &mut piece.scanner;
        for entry in &piece.ahead {
            // The list ends before the next of the marked entries, or something is between them.
            if scanner.position() != entry.start {
                break;
            }
            let known = entry.known.or_else(|| self.builder.find_written(entry.mark));
            if let Some(id) = known {
                self.count()?;
                self.builder.add_written(list, id)?;
                scanner.skip(entry.length);
            } else if !self.new_entry(scanner, list, entry)? {
                break;
            }
            scanner.skip_blanks();
        }
        Ok(true)
    }

    /// Looks several entries up that do not wait for each other, so that the processor fetches from memory for all of them at a time.
    fn look_ahead<'t>(&self, text: &'t str, marked: &[Entry], list: List, ahead: &mut Vec<Ahead<'t>>) {
        ahead.clear();
        let mut end = marked.first().map_or(0, |entry| entry.start as usize);
        for entry in marked.iter().take(MOST_AHEAD) {
            let (start, length) = (entry.start as usize, entry.length as usize);
            // Between entries of a list there are blanks only.
            if text.as_bytes()[end..start]
                .iter()
                .any(|byte| !byte.is_ascii_whitespace())
            {
                break;
            }
            end = start + length;
            let mark = entry.mark_in(list);
            self.builder.touch(mark);
            ahead.push(Ahead {
                start,
                length,
                mark,
                known: None,
                plain: None,
            });
        }
        for entry in ahead {
            entry.known = self.builder.find_written(entry.mark);
            if entry.known.is_none() {
                let plain = plain_entry(&text[entry.start..entry.start + entry.length]);
                entry.plain = plain.map(|plain| {
                    let mark = self.builder.name_mark(plain.name);
                    self.builder.touch_name(mark);
                    (plain, mark)
                });
            }
        }
    }

    /// An entry that is read for the first time: false where it is longer than it seemed, as an attribute has a `>` in it.
    fn new_entry(&mut self, scanner: &mut Scanner<'_>, list: List, entry: &Ahead<'_>) -> Result<bool, Fault> {
        if let Some((plain, mark)) = &entry.plain {
            self.count()?;
            self.add(list, (plain.name, *mark), plain.range, &plain.evr())?;
            self.builder.note_written(list, entry.mark)?;
            scanner.skip(entry.length);
            return Ok(true);
        }
        let before = scanner.position();
        if let Some(token) = scanner.next()? {
            self.token(token)?;
        }
        let as_long = scanner.position() == before + entry.length;
        if as_long {
            self.builder.note_written(list, entry.mark)?;
        }
        Ok(as_long)
    }
}
