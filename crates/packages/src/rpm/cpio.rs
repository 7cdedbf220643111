//! A payload's cpio archive: the "new" form of `cpio(5)`, and rpm's own that names files by their number.

use std::io::{self, Read};

/// Longest name in an entry; its end among it.
const LONGEST_NAME: u64 = 4097;
/// Most bytes of zeros after the end mark.
const LONGEST_TAIL: u64 = 512;
const TRAILER: &[u8] = b"TRAILER!!!";

#[derive(Debug, thiserror::Error)]
pub enum CpioError {
    #[error("the payload is cut off")]
    Truncated,
    #[error("the payload's entry {number} is not one of cpio's new form")]
    Magic { number: usize },
    #[error("the payload's entry {number} has a {field} that is no number")]
    Number { number: usize, field: &'static str },
    #[error("the payload's entry {number} has a name that is empty, too long or without end")]
    Name { number: usize },
    #[error("the payload is padded with something else than zeros")]
    Padding,
    #[error("something follows the end of the payload")]
    Trailing,
    #[error("the payload cannot be read")]
    Read(#[source] io::Error),
}

/// What an entry is the content of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Name {
        name: Vec<u8>,
        mode: u64,
        size: u64,
    },
    /// Number of a file in the header, which knows the rest.
    Number(u64),
}

/// Reads entry after entry.  Contents are read through [`Reader::content`], wholly, before the next.
pub(super) struct Reader<R> {
    inner: R,
    position: u64,
    entries: usize,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            position: 0,
            entries: 0,
        }
    }

    /// The next entry; none at the end mark.
    pub(super) fn next(&mut self) -> Result<Option<Subject>, CpioError> {
        self.entries += 1;
        self.align()?;
        let magic = self.array::<6>()?;
        match &magic {
            b"07070X" => {
                let digits = self.array::<8>()?;
                let number = self.hexadecimal(&digits, "file number")?;
                self.align()?;
                Ok(Some(Subject::Number(number)))
            }
            b"070701" => self.named(),
            _ => Err(CpioError::Magic { number: self.entries }),
        }
    }

    fn named(&mut self) -> Result<Option<Subject>, CpioError> {
        let fields = self.array::<104>()?;
        let field = |at: usize, name| self.hexadecimal(&fields[at * 8..at * 8 + 8], name);
        let (mode, size, length) = (field(1, "mode")?, field(6, "size")?, field(11, "length of its name")?);
        let number = self.entries;
        if !(2..=LONGEST_NAME).contains(&length) {
            return Err(CpioError::Name { number });
        }
        let mut name = vec![0; usize::try_from(length).map_err(|_| CpioError::Name { number })?];
        self.exact(&mut name)?;
        if name.iter().position(|&byte| byte == 0) != Some(name.len() - 1) {
            return Err(CpioError::Name { number });
        }
        name.pop();
        self.align()?;
        if name == TRAILER {
            return if size == 0 { Ok(None) } else { Err(CpioError::Trailing) };
        }
        Ok(Some(Subject::Name { name, mode, size }))
    }

    /// The content of the entry just read.
    pub(super) fn content(&mut self, size: u64) -> Content<'_, R> {
        Content {
            reader: self,
            left: size,
        }
    }

    /// After the end mark: the number of bytes in all.
    pub(super) fn finish(mut self) -> Result<(u64, R), CpioError> {
        let mut tail = [0; 512];
        let end = self.position;
        loop {
            match self.inner.read(&mut tail) {
                Ok(0) => return Ok((self.position, self.inner)),
                Ok(count) => {
                    self.position += count as u64;
                    let zeros = tail[..count].iter().all(|&byte| byte == 0);
                    if !zeros || self.position - end > LONGEST_TAIL {
                        return Err(CpioError::Trailing);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CpioError::Read(error)),
            }
        }
    }

    /// Headers and contents begin at multiples of four.
    fn align(&mut self) -> Result<(), CpioError> {
        let mut padding = [0; 3];
        let length = usize::try_from(self.position.next_multiple_of(4) - self.position).unwrap_or_default();
        self.exact(&mut padding[..length])?;
        if padding == [0; 3] {
            Ok(())
        } else {
            Err(CpioError::Padding)
        }
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], CpioError> {
        let mut bytes = [0; LENGTH];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), CpioError> {
        self.inner.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CpioError::Truncated,
            _ => CpioError::Read(error),
        })?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    fn hexadecimal(&self, digits: &[u8], field: &'static str) -> Result<u64, CpioError> {
        let text = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits);
        text.and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or(CpioError::Number {
                number: self.entries,
                field,
            })
    }
}

/// Content of one entry: ends where it ends, fails where the payload ends before.
pub(super) struct Content<'r, R> {
    reader: &'r mut Reader<R>,
    left: u64,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        match self.reader.inner.read(&mut buffer[..wanted])? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the payload is cut off")),
            count => {
                self.left -= count as u64;
                self.reader.position += count as u64;
                Ok(count)
            }
        }
    }
}
