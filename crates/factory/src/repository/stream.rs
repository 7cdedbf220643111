//! Unpacking beside reading: one thread unpacks, the other takes what is unpacked, a few blocks behind.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use qclock_packages::rpm::decompress;

/// Most that metadata may unpack to: ten times the largest of an EL9.
pub(super) const LARGEST: u64 = 4 << 30;
const BLOCK: usize = 256 << 10;
/// Blocks that wait at most.
const AHEAD: usize = 8;

/// Gives `take` a reader of what `packed` unpacks to.
pub(super) fn unpacked<R>(packed: &[u8], take: impl FnOnce(Blocks) -> R) -> R {
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut source = match decompress(packed, LARGEST) {
                Ok(source) => source,
                Err(error) => {
                    // The reader has gone away: nobody wants to know.
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            loop {
                let mut block = Vec::with_capacity(BLOCK);
                let read = source.by_ref().take(BLOCK as u64).read_to_end(&mut block);
                let message = read.map(|_| block);
                let last = message.as_ref().map_or(true, Vec::is_empty);
                if sender.send(message).is_err() || last {
                    return;
                }
            }
        });
        take(Blocks {
            receiver,
            block: Vec::new(),
            at: 0,
        })
    })
}

/// Reads blocks as they come.
#[derive(Debug)]
pub(super) struct Blocks {
    receiver: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    at: usize,
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            match self.receiver.recv() {
                Ok(block) => (self.block, self.at) = (block?, 0),
                // The other thread has ended, and all that it sent has been read.
                Err(_) => return Ok(0),
            }
        }
        let rest = &self.block[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}
