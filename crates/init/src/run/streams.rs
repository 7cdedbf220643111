//! The children's outputs on their way to standard output, many lines at a time.

use std::io::{self, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use crate::clock::Timestamp;
use crate::logs::{self, Decoder, Format};
use crate::os::{self, Child, Doorbell};
use crate::output::{Output, PATIENCE};
use crate::supervisor::Level;

/// After a read the streams gather for this long: one wake-up and one write for all that comes meanwhile.
const GATHER: Duration = Duration::from_millis(20);
/// How long a line that may be continued is held back.
const HOLD: Duration = Duration::from_millis(100);
/// How often a reader that stands still is looked at.
const STALLED_CHECK: Duration = Duration::from_millis(50);
/// From one stream before the others have their turn.
const LARGEST_TURN: usize = 1 << 17;
const READ_SIZE: usize = 1 << 15;

pub(super) struct Streams {
    output: Output,
    batch: Vec<u8>,
    /// Of our own, while nobody reads.
    lost_own: u64,
    open: Vec<Stream>,
    buffer: Vec<u8>,
    /// Not before this moment are the streams looked at.
    next_read: Instant,
    last_line: Instant,
    stalled: Option<Stalled>,
}

struct Stream {
    descriptor: OwnedFd,
    decoder: Decoder,
    ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Nothing,
    /// Everything that there was.
    All,
    /// Somebody writes faster than that: the next turn comes at once.
    More,
}

/// The reader of standard output does not keep up.
#[derive(Clone, Copy)]
struct Stalled {
    progress: u64,
    /// Since when nothing has moved.
    since: Instant,
}

impl Streams {
    pub(super) fn new(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            output: Output::start(sink)?,
            batch: Vec::new(),
            lost_own: 0,
            open: Vec::new(),
            buffer: vec![0; READ_SIZE],
            next_read: now,
            last_line: now,
            stalled: None,
        })
    }

    pub(super) fn add(&mut self, service: &str, (stdout, stderr): (Format, Format), child: Child) {
        for (descriptor, format, name) in [(child.stdout, stdout, "stdout"), (child.stderr, stderr, "stderr")] {
            self.open.push(Stream {
                descriptor,
                decoder: Decoder::new(format, service, name, child.pid),
                ended: false,
            });
        }
    }

    /// Whole records of our own go here.
    pub(super) fn batch(&mut self) -> &mut Vec<u8> {
        &mut self.batch
    }

    pub(super) fn submit(&mut self) {
        let lines = logs::count_lines(&self.batch);
        if !self.output.submit(&mut self.batch) {
            self.lost_own += lines;
        }
    }

    /// For the bell, a stream that has something, or the deadline.
    pub(super) fn wait(&mut self, doorbell: &Doorbell, deadline: Option<Duration>) {
        let now = Instant::now();
        self.notice_stall(now);
        let mut timeout = deadline;
        let mut limit = |other: Duration| timeout = Some(timeout.map_or(other, |timeout| timeout.min(other)));
        let mut polled = Vec::new();
        if self.waits_for_reader(now) {
            limit(STALLED_CHECK);
        } else if now < self.next_read {
            limit(self.next_read - now);
        } else {
            let living = self.open.iter().enumerate().filter(|(_, stream)| !stream.ended);
            polled.extend(living.map(|(index, stream)| (index, stream.descriptor.as_fd())));
        }
        if self.open.iter().any(|stream| stream.decoder.is_holding()) {
            limit((self.last_line + HOLD).saturating_duration_since(now));
        }
        os::wait(doorbell, &polled, timeout);
    }

    /// What has come, unless it is to gather a little longer.
    pub(super) fn read(&mut self) {
        let now = Instant::now();
        if now >= self.last_line + HOLD {
            for stream in &mut self.open {
                stream.decoder.flush(Timestamp::now(), &mut self.batch);
            }
        }
        if now >= self.next_read && !self.waits_for_reader(now) {
            self.read_now();
        }
    }

    pub(super) fn read_now(&mut self) {
        let now = Instant::now();
        let dropping = self.stalled.is_some_and(|stalled| now >= stalled.since + PATIENCE);
        match self.turn(dropping) {
            Turn::Nothing => {}
            Turn::All => {
                self.last_line = now;
                self.next_read = now + GATHER;
            }
            Turn::More => self.last_line = now,
        }
        if self.stalled.is_none() {
            self.tell_dropped(Timestamp::now());
        }
        self.open.retain(|stream| !stream.ended || stream.decoder.has_dropped());
        self.submit();
    }

    /// What the children still had to say, then everything out.
    pub(super) fn finish(&mut self, deadline: Instant) {
        // A stranger may hold a pipe open and write for ever.
        while Instant::now() < deadline {
            let dropping = !self.output.wait_for_room(deadline);
            if self.turn(dropping) == Turn::Nothing {
                break;
            }
            self.submit();
        }
        let time = Timestamp::now();
        for stream in &mut self.open {
            stream.decoder.finish(time, &mut self.batch);
        }
        self.tell_dropped(time);
        self.submit();
        self.output.drain(deadline);
    }

    /// Reads a little of every stream.
    fn turn(&mut self, dropping: bool) -> Turn {
        let time = Timestamp::now();
        let mut turn = Turn::Nothing;
        for stream in &mut self.open {
            let mut read = 0;
            while read < LARGEST_TURN && !stream.ended {
                match os::read_stream(&stream.descriptor, &mut self.buffer) {
                    Some(0) => break,
                    Some(count) if dropping => stream.decoder.drop(&self.buffer[..count]),
                    Some(count) => stream.decoder.feed(&self.buffer[..count], time, &mut self.batch),
                    None => {
                        stream.decoder.finish(time, &mut self.batch);
                        stream.ended = true;
                        break;
                    }
                }
                read += READ_SIZE;
                turn = turn.max(Turn::All);
            }
            if read >= LARGEST_TURN {
                turn = Turn::More;
            }
        }
        turn
    }

    fn notice_stall(&mut self, now: Instant) {
        if self.output.has_room() {
            if self.stalled.take().is_some() {
                self.tell_dropped(Timestamp::now());
                self.submit();
            }
            return;
        }
        let progress = self.output.progress();
        match &mut self.stalled {
            Some(stalled) if stalled.progress == progress => {}
            stalled => *stalled = Some(Stalled { progress, since: now }),
        }
    }

    /// The children wait with us, but not for ever.
    fn waits_for_reader(&self, now: Instant) -> bool {
        self.stalled.is_some_and(|stalled| now < stalled.since + PATIENCE)
    }

    fn tell_dropped(&mut self, time: Timestamp) {
        let own = ("qclock-init".to_owned(), std::mem::take(&mut self.lost_own));
        let of_services = self
            .open
            .iter_mut()
            .map(|stream| (stream.decoder.service().to_owned(), stream.decoder.take_dropped()));
        let lost: Vec<(String, u64)> = of_services.chain([own]).filter(|(_, count)| *count > 0).collect();
        for (service, count) in lost {
            let message = format!(
                "dropped {count} lines of `{service}`: nobody read standard output for {} s",
                PATIENCE.as_secs()
            );
            let event = logs::Event {
                level: Level::Error,
                action: "log-lines-dropped",
                message: &message,
                about: Some((&service, None)),
                numbers: &[("qclock.log.dropped_lines", count)],
            };
            logs::write_own(&event, time, &mut self.batch);
        }
    }
}
