//! Which architectures a machine runs, and which it prefers.

const EVERYWHERE: &str = "noarch";

/// From the best to the worst, after `noarch`, which runs everywhere.
#[derive(Debug, Clone)]
pub(super) struct Architectures {
    names: Vec<String>,
}

/// A place in the order of preference, and the width of its programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    /// 0: cannot run; 1: `noarch`; then from the best on.
    pub(super) score: u32,
    /// Bit 0: 32 bits wide, bit 1: 64 bits wide; packages of one name that share no bit can stand beside each other.
    pub(super) colors: u8,
}

impl Architectures {
    /// Of a machine of this architecture, in the order in which libsolv takes them.
    pub(super) fn of(machine: &str) -> Self {
        let names: &[&str] = match machine {
            "x86_64" => &["x86_64", "i686", "i586", "i486", "i386"],
            "s390x" => &["s390x", "s390"],
            other => &[other],
        };
        Self {
            names: names.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// Names of all that can run here.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).chain([EVERYWHERE])
    }

    pub(super) fn rank(&self, architecture: &str) -> Rank {
        if architecture == EVERYWHERE {
            return Rank { score: 1, colors: 3 };
        }
        let colors = if architecture == "s390x" || architecture.contains("64") {
            2
        } else {
            1
        };
        let place = self.names.iter().position(|name| name == architecture);
        let score = place.map_or(0, |place| u32::try_from(place).unwrap_or(u32::MAX - 2) + 2);
        Rank { score, colors }
    }
}
