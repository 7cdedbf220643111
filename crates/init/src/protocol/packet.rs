//! Packets: a length of three bytes, a number of one, the payload.

use std::io::{Read, Write};

use super::ProtocolError;

/// A payload of this length would be continued in another packet; ours are not.
pub(super) const LONGEST_PACKET: usize = 0xff_ffff;
/// Rows of results, which nobody reads, may be longer; they are read in pieces and forgotten.
const LONGEST_KEPT: usize = 64 << 10;

/// At most the first 64 KiB of the payload are kept.
pub(super) fn read_packet(stream: &mut impl Read, sequence: &mut u8) -> Result<Vec<u8>, ProtocolError> {
    let mut kept = Vec::new();
    loop {
        let mut header = [0; 4];
        stream.read_exact(&mut header).map_err(ProtocolError::Broken)?;
        let [low, middle, high, number] = header;
        let length = u64::from(u32::from_le_bytes([low, middle, high, 0]));
        *sequence = number.wrapping_add(1);
        let room = u64::try_from(LONGEST_KEPT - kept.len()).unwrap_or(0).min(length);
        let mut payload = stream.take(length);
        let copied = (&mut payload)
            .take(room)
            .read_to_end(&mut kept)
            .map_err(ProtocolError::Broken)?;
        let skipped = std::io::copy(&mut payload, &mut std::io::sink()).map_err(ProtocolError::Broken)?;
        if copied as u64 + skipped != length {
            return Err(ProtocolError::Broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
        if length < LONGEST_PACKET as u64 {
            return Ok(kept);
        }
    }
}

/// The payload must be shorter than [`LONGEST_PACKET`].
pub(super) fn write_packet(stream: &mut impl Write, sequence: &mut u8, payload: &[u8]) -> Result<(), ProtocolError> {
    if payload.len() >= LONGEST_PACKET {
        return Err(ProtocolError::TooLong);
    }
    let [low, middle, high, _] = u32::try_from(payload.len()).unwrap_or(0).to_le_bytes();
    let header = [low, middle, high, *sequence];
    *sequence = sequence.wrapping_add(1);
    stream
        .write_all(&[&header, payload].concat())
        .map_err(ProtocolError::Broken)
}

/// Reads a payload from the front.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    rest: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], ProtocolError> {
        let taken = self.rest.get(..count).ok_or(ProtocolError::Unknown("packet"))?;
        self.rest = &self.rest[count..];
        Ok(taken)
    }

    pub(super) fn until_zero(&mut self) -> Result<&'a [u8], ProtocolError> {
        let end = self
            .rest
            .iter()
            .position(|byte| *byte == 0)
            .ok_or(ProtocolError::Unknown("packet"))?;
        let taken = self.take(end)?;
        self.take(1)?;
        Ok(taken)
    }

    pub(super) fn short(&mut self) -> Result<u16, ProtocolError> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// Of variable length: one byte, or a mark and two, three or eight.
    pub(super) fn integer(&mut self) -> Result<u64, ProtocolError> {
        let length = match self.take(1)?[0] {
            small @ 0..=0xfa => return Ok(small.into()),
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            0xfb | 0xff => return Err(ProtocolError::Unknown("packet")),
        };
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(self.take(length)?);
        Ok(u64::from_le_bytes(bytes))
    }
}
