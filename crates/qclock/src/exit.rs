//! What the exit status says.  Scripts rely on these numbers; they do not change.

use std::process::ExitCode;

use qclock_factory::failure::Class;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// It is done.
    Done = 0,
    /// The answer is no: no solution exists, a lock is not current, an image is not built.
    No = 1,
    /// The command or a file of the project is wrong.
    Usage = 2,
    /// Something that was fetched or read is not what was signed or locked.
    Verification = 3,
    /// The network, the disk or a service failed, or a package is nowhere to be had.
    Environment = 4,
    /// A fault in this program.
    Bug = 70,
}

impl ExitStatus {
    /// The word for it in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::No => "no",
            Self::Usage => "usage",
            Self::Verification => "verification",
            Self::Environment => "environment",
            Self::Bug => "bug",
        }
    }
}

impl From<Class> for ExitStatus {
    fn from(class: Class) -> Self {
        match class {
            Class::Answer => Self::No,
            Class::Usage => Self::Usage,
            Class::Verification => Self::Verification,
            Class::Environment => Self::Environment,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}
