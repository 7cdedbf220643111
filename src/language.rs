//! French and English: which one a reader wants, texts in both, and how each writes numbers and durations.

use serde::Serialize;

use crate::accept::ranges;

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

impl Language {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::En, Self::Fr];

    /// `en` or `fr`.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// The language of this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| code.eq_ignore_ascii_case(language.code()))
    }

    /// The one of the two that an `Accept-Language` header prefers (RFC 9110 §12.5.4).
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in ranges(header) {
            let language = Self::from_code(range.name.split('-').next().unwrap_or(""));
            if let Some(language) = language
                && range.quality > best.map_or(0.0, |(most, _)| most)
            {
                best = Some((range.quality, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// The text of the two that is in this language.
    pub fn pick<T>(self, en: T, fr: T) -> T {
        match self {
            Self::En => en,
            Self::Fr => fr,
        }
    }

    /// A number with this many decimals and this language's decimal sign.
    pub fn decimal(self, number: f64, decimals: usize) -> String {
        let text = format!("{number:.decimals$}");
        self.pick(text.clone(), text.replace('.', ","))
    }

    /// A whole number with its thousands apart: `12,345` and `12 345` (narrow no-break space).
    pub fn whole(self, number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(self.pick(',', '\u{202f}'));
            }
            text.push(digit);
        }
        text
    }

    /// Bytes in binary units: `12.5 MiB`, `12,5 Mio`.
    pub fn bytes(self, bytes: u64) -> String {
        let units = self.pick(["B", "KiB", "MiB", "GiB"], ["o", "Kio", "Mio", "Gio"]);
        let mut size = bytes as f64;
        let mut unit = 0;
        while size >= 1024.0 && unit < 3 {
            size /= 1024.0;
            unit += 1;
        }
        format!("{}\u{a0}{}", self.decimal(size, usize::from(unit > 0)), units[unit])
    }

    /// Seconds as the two largest units that are not zero: `4 min 12 s`, `2 h 05 min`, `3 d 4 h`.  The page's script does the same.
    pub fn duration(self, seconds: u64) -> String {
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match () {
            () if minutes == 0 => format!("{seconds}\u{a0}s"),
            () if hours == 0 => format!("{minutes}\u{a0}min {:02}\u{a0}s", seconds % 60),
            () if days == 0 => format!("{hours}\u{a0}h {:02}\u{a0}min", minutes % 60),
            () => format!("{days}\u{a0}{} {:02}\u{a0}h", self.pick("d", "j"), hours % 24),
        }
    }

    /// `3 of 8 workers busy`, `3 workers occupés sur 8`.
    pub fn busy_workers(self, busy: u64, all: u64) -> String {
        let plural = if busy > 1 { "s" } else { "" };
        self.pick(
            format!("{busy} of {all} workers busy"),
            format!("{busy} worker{plural} occupé{plural} sur {all}"),
        )
    }

    /// A latency: `0.4 ms`, `12 ms`, `1.5 s`.
    pub fn latency(self, milliseconds: f64) -> String {
        match milliseconds {
            slow if slow >= 1000.0 => format!("{}\u{a0}s", self.decimal(slow / 1000.0, 1)),
            middling if middling >= 10.0 => format!("{}\u{a0}ms", self.decimal(middling, 0)),
            quick => format!("{}\u{a0}ms", self.decimal(quick, 1)),
        }
    }
}

/// A text in both languages.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Text {
    /// English.
    pub en: String,
    /// French.
    pub fr: String,
}

impl Text {
    /// A text from its two versions.
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            fr: fr.into(),
        }
    }

    /// A name or a number that is the same in both.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            fr: text.clone(),
            en: text,
        }
    }

    /// A text that is made the same way in each language.
    pub fn each(make: impl Fn(Language) -> String) -> Self {
        Self {
            en: make(Language::En),
            fr: make(Language::Fr),
        }
    }

    /// The version in `language`.
    pub fn get(&self, language: Language) -> &str {
        language.pick(&self.en, &self.fr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_is_found() {
        let chosen = Language::from_accept_language;
        assert_eq!(chosen("fr-CD,fr;q=0.9,en;q=0.8"), Some(Language::Fr));
        assert_eq!(chosen("de, en;q=0.5, fr;q=0.4"), Some(Language::En));
        assert_eq!(chosen("fr;q=0.1, en;q=0.2"), Some(Language::En));
        assert_eq!(chosen("fr;q=0"), None);
        assert_eq!(chosen("de"), None);
        assert_eq!(chosen(""), None);
        assert_eq!(chosen(";;q=x,,"), None);
    }

    #[test]
    fn numbers_are_written_as_each_language_does() {
        assert_eq!(
            (Language::En.whole(1_234_567), Language::Fr.whole(1234)),
            ("1,234,567".to_owned(), "1\u{202f}234".to_owned())
        );
        assert_eq!(Language::En.whole(999), "999");
        assert_eq!(Language::Fr.decimal(98.54, 1), "98,5");
        assert_eq!(Language::En.bytes(512), "512\u{a0}B");
        assert_eq!(Language::Fr.bytes(13_107_200), "12,5\u{a0}Mio");
        assert_eq!(
            (Language::En.latency(0.44), Language::Fr.latency(1500.0)),
            ("0.4\u{a0}ms".to_owned(), "1,5\u{a0}s".to_owned())
        );
    }

    #[test]
    fn durations_show_two_units() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (252, "4 min 12 s"),
            (7500, "2 h 05 min"),
            (273_600, "3 d 04 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(Language::En.duration(seconds).replace('\u{a0}', " "), expected);
        }
        assert_eq!(Language::Fr.duration(86_400).replace('\u{a0}', " "), "1 j 00 h");
    }
}
