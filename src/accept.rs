//! What a client would rather have: the headers of the `Accept` family (RFC 9110 §12.5).

/// The most ranges that are looked at.
const MOST_RANGES: usize = 32;

/// One alternative of such a header.
#[derive(Clone, Debug, PartialEq)]
pub struct Range<'a> {
    /// `text/plain`, `fr-CD`, `*/*`.
    pub name: &'a str,
    /// 0 is "not at all"; 1 where none is told, 0 where it is no number from 0 to 1.
    pub quality: f32,
    parameters: &'a str,
}

impl Range<'_> {
    /// A parameter's value, without quotes.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameters(self.parameters)
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The alternatives of a header's value, as they come.
pub fn ranges(header: &str) -> impl Iterator<Item = Range<'_>> {
    header.split(',').take(MOST_RANGES).map(|range| {
        let (name, rest) = range.split_once(';').unwrap_or((range, ""));
        let told = parameters(rest).find(|(name, _)| name.eq_ignore_ascii_case("q"));
        let quality = told.map_or(1.0, |(_, value)| value.parse().unwrap_or(0.0));
        Range {
            name: name.trim(),
            quality: if (0.0..=1.0).contains(&quality) { quality } else { 0.0 },
            parameters: rest,
        }
    })
}

fn parameters(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_names_parameters_and_qualities() {
        let found: Vec<_> = ranges("a/b;version=1.0.0; Q=0.5, */* , c/d;q=2;x=\"y\",e;q=-1,f;q=NaN").collect();
        let told: Vec<_> = found.iter().map(|range| (range.name, range.quality)).collect();
        assert_eq!(told, [("a/b", 0.5), ("*/*", 1.0), ("c/d", 0.0), ("e", 0.0), ("f", 0.0)]);
        assert_eq!(found[0].parameter("Version"), Some("1.0.0"));
        assert_eq!(
            (found[1].parameter("version"), found[2].parameter("x")),
            (None, Some("y"))
        );
        assert_eq!(ranges(&"x,".repeat(1000)).count(), MOST_RANGES);
    }
}
