//! Versions as rpm orders them: `[epoch:]version[-release]`, with `~` before and `^` after everything (`rpm-version(7)`).

use std::cmp::Ordering;
use std::fmt;

/// Epoch, version and release, borrowed from wherever they were written.
///
/// A missing epoch is 0; a missing or empty release is `None` and matches any release in requirements.
#[derive(Debug, Clone, Copy)]
pub struct Evr<'a> {
    pub epoch: &'a str,
    pub version: &'a str,
    pub release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Splits at the first colon that follows digits only, and at the last hyphen.
    pub fn parse(text: &'a str) -> Self {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (epoch, rest) = match text.as_bytes().get(digits) {
            Some(b':') => (&text[..digits], &text[digits + 1..]),
            _ => ("", text),
        };
        let (version, release) = match rest.rfind('-') {
            Some(hyphen) => (&rest[..hyphen], Some(&rest[hyphen + 1..])),
            None => (rest, None),
        };
        Self {
            epoch,
            version,
            release: release.filter(|release| !release.is_empty()),
        }
    }

    /// The order of packages: a missing release sorts before any.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.compare_without_release(other)
            .then_with(|| match (self.release, other.release) {
                (Some(left), Some(right)) => compare_segments(left, right),
                (left, right) => left.is_some().cmp(&right.is_some()),
            })
    }

    /// The order of requirements: a release that either side leaves out is equal to all.
    pub fn compare_as_requirement(&self, other: &Self) -> Ordering {
        self.compare_without_release(other)
            .then_with(|| match (self.release, other.release) {
                (Some(left), Some(right)) => compare_segments(left, right),
                _ => Ordering::Equal,
            })
    }

    fn compare_without_release(&self, other: &Self) -> Ordering {
        let epoch = |text: &'a str| text.trim_start_matches('0');
        let left = epoch(self.epoch);
        let right = other.epoch.trim_start_matches('0');
        (left.len().cmp(&right.len()).then_with(|| left.cmp(right)))
            .then_with(|| compare_segments(self.version, other.version))
    }
}

/// Shows the epoch when it is not 0.
impl fmt::Display for Evr<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.epoch.trim_start_matches('0');
        if !epoch.is_empty() {
            write!(formatter, "{epoch}:")?;
        }
        formatter.write_str(self.version)?;
        match self.release {
            Some(release) => write!(formatter, "-{release}"),
            None => Ok(()),
        }
    }
}

/// rpm's `rpmvercmp`: runs of digits as numbers, runs of letters as text, everything else only separates.
pub fn compare_segments(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        left = skip_separators(left);
        right = skip_separators(right);
        match (left.first(), right.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (left, right) = (&left[1..], &right[1..]);
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (Some(b'^'), None) => return Ordering::Greater,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(l), Some(r)) => {
                if l.is_ascii_digit() != r.is_ascii_digit() {
                    // A number is newer than letters.
                    return l.is_ascii_digit().cmp(&r.is_ascii_digit());
                }
                let order = if l.is_ascii_digit() {
                    let (l, r) = (take_number(&mut left), take_number(&mut right));
                    l.len().cmp(&r.len()).then_with(|| l.cmp(r))
                } else {
                    take_while(&mut left, u8::is_ascii_alphabetic).cmp(take_while(&mut right, u8::is_ascii_alphabetic))
                };
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .position(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^'))
        .unwrap_or(text.len());
    &text[end..]
}

fn take_while<'a>(text: &mut &'a [u8], belongs: impl Fn(&u8) -> bool) -> &'a [u8] {
    let end = text.iter().position(|byte| !belongs(byte)).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

/// Takes the digits that `text` begins with, without their leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let digits = take_while(text, u8::is_ascii_digit);
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn orders_like_the_manual() {
        use Ordering::{Equal, Greater, Less};
        for (left, order, right) in [
            ("1.0", Equal, "1.0"),
            ("1.0", Less, "2.0"),
            ("2.0.1a", Greater, "2.0.1"),
            ("5.5p10", Greater, "5.5p1"),
            ("10xyz", Less, "10.1xyz"),
            ("xyz10", Less, "xyz10.1"),
            ("xyz.4", Less, "8"),
            ("6.0.rc1", Greater, "6.0"),
            ("10b2", Greater, "10a1"),
            ("1.0aa", Less, "1.0b"),
            ("7.4052", Greater, "7.4_1"),
            ("1_", Equal, "1."),
            ("00001", Equal, "1"),
            ("1.0~rc1", Less, "1.0"),
            ("1.0~rc1~git1", Less, "1.0~rc1"),
            ("1.0^", Greater, "1.0"),
            ("1.0^git1", Less, "1.01"),
            ("1.0^git1", Less, "1.0.1"),
            ("1.0~rc1^git1", Greater, "1.0~rc1"),
            ("1.0^git1~pre", Less, "1.0^git1"),
            ("1.0~", Less, "1.0^"),
        ] {
            assert_eq!(compare_segments(left, right), order, "{left} {right}");
            assert_eq!(compare_segments(right, left), order.reverse(), "{right} {left}");
        }
    }

    #[test]
    fn epochs_and_releases_are_told_apart() {
        let compare = |left, right| Evr::parse(left).compare(&Evr::parse(right));
        assert_eq!(compare("1:1-1", "2-1"), Ordering::Greater);
        assert_eq!(compare("0:1-1", "1-1"), Ordering::Equal);
        assert_eq!(compare("1-2", "1-10"), Ordering::Less);
        assert_eq!(compare("1", "1-1"), Ordering::Less);
        let matches = |left, right| Evr::parse(left).compare_as_requirement(&Evr::parse(right));
        assert_eq!(matches("1", "1-1"), Ordering::Equal);
        assert_eq!(matches("1-", "1-1"), Ordering::Equal);
        assert_eq!(Evr::parse("0:1-1").to_string(), "1-1");
        assert_eq!(Evr::parse("03:1-1").to_string(), "3:1-1");
        assert_eq!(Evr::parse("git:1").to_string(), "git:1");
    }

    fn version() -> impl Strategy<Value = String> {
        "[0-9]{0,3}[a-c~^._+]{0,2}[0-9a-c~^.]{0,6}(-[1-9~^.]{1,3})?"
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in version(), b in version(), c in version()) {
            let order = |left: &str, right: &str| Evr::parse(left).compare(&Evr::parse(right));
            prop_assert_eq!(order(&a, &a), Ordering::Equal);
            prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
            if order(&a, &b).is_le() && order(&b, &c).is_le() {
                prop_assert!(order(&a, &c).is_le());
            }
        }
    }

    /// Asks librpm itself, for many pairs in one run; without `rpm` on the machine it says so.
    #[test]
    fn orders_like_librpm() {
        use proptest::strategy::ValueTree as _;
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let pairs: Vec<(String, String)> = (0..2000)
            .map(|_| {
                let pair = (version(), version()).new_tree(&mut runner).unwrap();
                pair.current()
            })
            .collect();
        // A macro has room for so many calls.
        for pairs in pairs.chunks(50) {
            let calls: String = pairs
                .iter()
                .map(|(left, right)| format!("print(rpm.vercmp('0:x{left}','0:x{right}')..' ')"))
                .collect();
            let output = std::process::Command::new("rpm")
                .args(["--eval", &format!("%{{lua:{calls}}}")])
                .output();
            let Ok(output) = output else {
                println!("skipped: there is no `rpm` to compare with");
                return;
            };
            let answers = String::from_utf8(output.stdout).unwrap();
            let answers: Vec<i32> = answers.split_whitespace().map(|word| word.parse().unwrap()).collect();
            assert_eq!(
                answers.len(),
                pairs.len(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            for ((left, right), answer) in pairs.iter().zip(answers) {
                let ours = Evr::parse(&format!("0:x{left}")).compare(&Evr::parse(&format!("0:x{right}")));
                assert_eq!(ours, answer.cmp(&0), "{left} {right}");
            }
        }
    }
}
