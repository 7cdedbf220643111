//! Damaged bytes for parsers: seeds that are cut, doubled and changed at random, the same again for the same `QCLOCK_TEST_SEED`.

use std::io::Write as _;
use std::time::SystemTime;

/// Gives each of many damaged seeds to `look`, twenty times as many with `QCLOCK_TEST_FULL`; how many they were.
pub fn damage(seeds: &[Vec<u8>], rounds: u64, mut look: impl FnMut(&[u8])) -> u64 {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let clock = SystemTime::UNIX_EPOCH.elapsed().map_or(1, |elapsed| elapsed.as_secs());
    let seed = variable("QCLOCK_TEST_SEED").unwrap_or(clock);
    let full = std::env::var_os("QCLOCK_TEST_FULL").is_some();
    let rounds = if full { rounds * 20 } else { rounds };
    // Whoever sees a failure needs it to repeat it.
    let _ = writeln!(std::io::stderr(), "{rounds} rounds, QCLOCK_TEST_SEED={seed}");
    let mut random = Random(seed.max(1));
    for _ in 0..rounds {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            random.change(&mut bytes);
        }
        look(&bytes);
    }
    rounds
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let end = (at + self.below(40)).min(bytes.len());
        match self.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.extend_from_within(at..end),
            3 => drop(bytes.splice(at..at, *b"../")),
            4 => drop(bytes.splice(at..at, *b"\n")),
            _ if bytes.is_empty() => {}
            5 => bytes[at] = [0, b'9', b'/', b' ', 0xff][self.below(5)],
            _ => bytes[at] ^= 1 << self.below(8),
        }
    }
}
