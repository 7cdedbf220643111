//! The wall clock, and time stamps as RFC 3339 in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// None from the year 10000 on, which RFC 3339 cannot write.
    pub fn from_microseconds(microseconds: u64) -> Option<Self> {
        (microseconds < 253_402_300_800_000_000).then_some(Self(microseconds))
    }

    /// `2026-11-25T01:02:03.000456Z`, always 27 bytes.
    pub fn write_rfc3339(self, to: &mut Vec<u8>) {
        let (seconds, fraction) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        decimal(to, year, 4);
        to.push(b'-');
        decimal(to, month, 2);
        to.push(b'-');
        decimal(to, day, 2);
        to.push(b'T');
        decimal(to, second_of_day / 3600, 2);
        to.push(b':');
        decimal(to, second_of_day / 60 % 60, 2);
        to.push(b':');
        decimal(to, second_of_day % 60, 2);
        to.push(b'.');
        decimal(to, fraction, 6);
        to.push(b'Z');
    }

    pub fn rfc3339(self) -> String {
        let mut text = Vec::with_capacity(27);
        self.write_rfc3339(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn decimal(to: &mut Vec<u8>, value: u64, width: u32) {
    for power in (0..width).rev() {
        to.push(b'0' + u8::try_from(value / 10_u64.pow(power) % 10).unwrap_or(0));
    }
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that the leap day comes last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_are_written_as_rfc_3339() {
        for (microseconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_568_523_123_456, "2026-11-25T01:02:03.123456Z"),
            (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(
                Timestamp::from_microseconds(microseconds)
                    .map(Timestamp::rfc3339)
                    .as_deref(),
                Some(text)
            );
        }
        assert_eq!(Timestamp::from_microseconds(253_402_300_800_000_000), None);
    }
}
