//! The only file that makes system calls: processes, signals, pipes, waiting.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Pid, WaitOptions};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::shell::NoOutput;
use crate::signal::Signal;
use crate::supervisor::Outcome;

/// Holds about a fifth of a second of an access log at full load, and keeps lines of up to 8 KiB whole: writers of a
/// default pipe of 64 KiB were measured to interleave when it ran full.  The limit for users without privileges is 1 MiB.
const PIPE_SIZES: [usize; 3] = [1 << 20, 1 << 18, 1 << 16];

/// More than the routes of a container fill.
const ROUTES_SIZE: u64 = 1 << 16;

/// Signals that have arrived, and a descriptor that becomes readable when one does.
#[derive(Debug)]
pub struct Doorbell {
    bell: File,
    ringer: File,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    child: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rung {
    pub stop: bool,
    pub reload: bool,
    pub child: bool,
}

impl Doorbell {
    /// WINCH is left alone: its default is to be ignored, and children in their own sessions never see a terminal's.
    pub fn install() -> io::Result<Self> {
        let (bell, ringer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let doorbell = Self {
            bell: bell.into(),
            ringer: ringer.into(),
            stop: Arc::default(),
            reload: Arc::default(),
            child: Arc::default(),
        };
        let ignored = Arc::default();
        for (signal, flag) in [
            (SIGTERM, &doorbell.stop),
            (SIGINT, &doorbell.stop),
            (SIGQUIT, &doorbell.stop),
            (SIGHUP, &doorbell.reload),
            (SIGUSR1, &doorbell.reload),
            (SIGUSR2, &ignored),
            (SIGCHLD, &doorbell.child),
        ] {
            // The flag first, so that whoever hears the bell finds it set.
            signal_hook::flag::register(signal, Arc::clone(flag))?;
            signal_hook::low_level::pipe::register(signal, OwnedFd::from(doorbell.ringer.try_clone()?))?;
        }
        Ok(doorbell)
    }

    /// For other threads.
    pub fn ringer(&self) -> io::Result<Ringer> {
        self.ringer.try_clone().map(Ringer)
    }

    /// What has arrived since the last call.
    pub fn answer(&mut self) -> Rung {
        let mut scratch = [0_u8; 64];
        while matches!(self.bell.read(&mut scratch), Ok(count) if count > 0) {}
        Rung {
            stop: self.stop.swap(false, Ordering::SeqCst),
            reload: self.reload.swap(false, Ordering::SeqCst),
            child: self.child.swap(false, Ordering::SeqCst),
        }
    }
}

#[derive(Debug)]
pub struct Ringer(File);

impl Ringer {
    pub fn ring(&self) {
        // A full pipe has already rung.
        let _ = (&self.0).write(&[0]);
    }
}

/// Waits for the bell, for one of the streams to have something, or for the time to pass.  Gives the tags of the streams.
pub fn wait(doorbell: &Doorbell, streams: &[(usize, BorrowedFd<'_>)], timeout: Option<Duration>) -> Vec<usize> {
    let mut polled = Vec::with_capacity(streams.len() + 1);
    polled.push(PollFd::from_borrowed_fd(doorbell.bell.as_fd(), PollFlags::IN));
    polled.extend(
        streams
            .iter()
            .map(|(_, stream)| PollFd::from_borrowed_fd(*stream, PollFlags::IN)),
    );
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    });
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) => {
            let ready = polled.iter().skip(1).zip(streams);
            ready
                .filter(|(polled, _)| !polled.revents().is_empty())
                .map(|(_, (tag, _))| *tag)
                .collect()
        }
        // Interrupted by a signal: the bell has rung.  Anything else shows again at the next call.
        Err(_) => Vec::new(),
    }
}

/// A table of `/proc/net`, or its beginning; nothing where there is none.
pub fn routes(table: &str) -> String {
    let mut text = String::new();
    let read = File::open(Path::new("/proc/net").join(table))
        .and_then(|file| file.take(ROUTES_SIZE).read_to_string(&mut text));
    read.map_or_else(|_| String::new(), |_| text)
}

/// What to run.
#[derive(Debug)]
pub struct Launch<'a> {
    pub command: &'a [String],
    pub environment: &'a BTreeMap<OsString, OsString>,
    /// Stays open in the program and in whatever it starts: a lock on it is theirs until the last of them has ended.
    pub lock: Option<&'a File>,
}

#[derive(Debug)]
pub struct Child {
    pub pid: i32,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// Starts a program in its own session, with nothing on its standard input and a pipe for each of its outputs.  The pipes
/// are made here, by the user that the child runs as, because it may want to open `/proc/self/fd/2` anew.
pub fn start(launch: &Launch<'_>) -> io::Result<Child> {
    let [program, arguments @ ..] = launch.command else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let (stdout, child_stdout) = log_pipe()?;
    let (stderr, child_stderr) = log_pipe()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(launch.environment)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(child_stdout)
        .stderr(child_stderr);
    own_session(&mut command, launch.lock);
    let child = command.spawn()?;
    Ok(Child {
        pid: i32::try_from(child.id()).unwrap_or(i32::MAX),
        stdout,
        stderr,
    })
}

#[expect(unsafe_code, reason = "std has no stable way to start a child in its own session")]
fn own_session(command: &mut Command, kept: Option<&File>) {
    let kept = kept.map(std::os::fd::AsRawFd::as_raw_fd);
    // SAFETY: the closure makes system calls and touches no memory, which is allowed between fork and exec
    // (signal-safety(7)); a failure is reported through the raw error number, without allocation. The kept file is open as long
    // as the caller waits for the program to start.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            if let Some(kept) = kept {
                rustix::io::fcntl_setfd(BorrowedFd::borrow_raw(kept), rustix::io::FdFlags::empty())?;
            }
            Ok(())
        });
    }
}

fn log_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
    for size in PIPE_SIZES {
        if fcntl_setpipe_size(&write, size).is_ok() {
            break;
        }
    }
    Ok((read, write))
}

/// One read of a stream that does not block: None when it is closed, Some(0) when there is nothing now.
pub fn read_stream(stream: &OwnedFd, into: &mut [u8]) -> Option<usize> {
    match rustix::io::read(stream, into) {
        Ok(0) => None,
        Ok(count) => Some(count),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Some(0),
        Err(_) => None,
    }
}

/// Becomes another program, with or without what this one reads and writes; comes back only with an error.
pub fn become_program(program: &Path, arguments: &[String], no_input: bool, no_output: NoOutput) -> io::Error {
    let mut command = Command::new(program);
    command.args(arguments);
    if no_input {
        command.stdin(Stdio::null());
    }
    if no_output != NoOutput::Nothing {
        command.stdout(Stdio::null());
    }
    if no_output == NoOutput::OutputAndErrors {
        command.stderr(Stdio::null());
    }
    command.exec()
}

/// Takes the exit of one child, ours or a stranger's that was left to us.
pub fn reap() -> Option<(i32, Outcome)> {
    loop {
        let (pid, status) = match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(ended)) => ended,
            Err(rustix::io::Errno::INTR) => continue,
            Ok(None) | Err(_) => return None,
        };
        let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        if let Some(code) = status.exit_status() {
            return Some((pid.as_raw_nonzero().get(), Outcome::Code(byte(code))));
        }
        if let Some(signal) = status.terminating_signal() {
            return Some((pid.as_raw_nonzero().get(), Outcome::Signal(byte(signal))));
        }
    }
}

/// To one process that has not been reaped yet, so that the number is still its own.
pub fn signal_process(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // Already dead: its exit is about to be reaped.
        let _ = rustix::process::kill_process(pid, native(signal));
    }
}

pub fn signal_group(leader: i32, signal: Signal) {
    if let Some(leader) = Pid::from_raw(leader) {
        // No such group: nothing was left behind.
        let _ = rustix::process::kill_process_group(leader, native(signal));
    }
}

fn native(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::Hup => rustix::process::Signal::HUP,
        Signal::Int => rustix::process::Signal::INT,
        Signal::Quit => rustix::process::Signal::QUIT,
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::Usr1 => rustix::process::Signal::USR1,
        Signal::Usr2 => rustix::process::Signal::USR2,
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Winch => rustix::process::Signal::WINCH,
    }
}

/// Orphans of our children come to us, also when another process is PID 1 (`docker run --init`, a shared PID namespace).
pub fn adopt_orphans() -> io::Result<()> {
    let own = rustix::process::getpid();
    if own.as_raw_nonzero().get() != 1 {
        rustix::process::set_child_subreaper(Some(own))?;
    }
    Ok(())
}

/// Makes a directory, and its parents, with exactly this mode; one that stands there already must be a directory of ours.
pub fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    match std::fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "something else stands there",
        ));
    }
    if found.permissions().mode() & 0o7777 != mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Removes a file or socket that an earlier run left behind; never a directory.
pub fn remove_leftover(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Passes some time, perhaps less.  For what nothing tells this process about: whoever waits looks again.
pub fn pause(duration: Duration) {
    std::thread::park_timeout(duration);
}

/// Everything that was written to the file system of `directory` is on the disk when this returns.
pub fn sync_file_system(directory: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(directory)?)
}

/// Keeps others away from a directory until the file is closed; false: somebody else has it.
pub fn lock_directory(directory: &File) -> io::Result<bool> {
    match rustix::fs::flock(directory, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A connection to a Unix socket that does not wait for a place in the listener's queue, with a limit on each later step.
pub fn connect_unix(path: &Path, timeout: Duration) -> io::Result<std::os::unix::net::UnixStream> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = std::os::unix::net::UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    Ok(stream)
}

/// New files are private to the user unless said otherwise.
pub fn private_files() {
    rustix::process::umask(Mode::from_raw_mode(0o077));
}
